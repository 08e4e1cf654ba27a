/**
 * Lets everything happen that is about to: all queued microtasks, and those
 * that they queue. With the fake clock and service nothing else is pending, so
 * what has not happened after a turn does not happen.
 */
export const turn = () => new Promise((resolve) => setImmediate(resolve));
