/**
 * A React hook: a channel's messages, and how it stands. To be copied, not
 * imported: what a page keeps of a channel is its own business.
 *
 * ```jsx
 * const { messages, gap, publish } = useChannel(sorl, "room:42", { rewind: 20 });
 * ```
 *
 * It holds the channel while any component uses it, and keeps the last `KEPT`
 * messages. `sorl` is one client for the whole page, made outside of React.
 */

import { useCallback, useEffect, useState } from "react";

const KEPT = 200;

/** How many components use a channel. @type {WeakMap<import("@sorl/client").Channel, number>} */
const users = new WeakMap();

/**
 * @param {import("@sorl/client").Sorl} sorl
 * @param {string} name
 * @param {import("@sorl/client").SubscribeOptions} [options] of whoever uses the channel first
 */
export function useChannel(sorl, name, options) {
  const [state, setState] = useState(nothing);
  useEffect(() => {
    setState(nothing);
    const channel = sorl.subscribe(name, options);
    users.set(channel, (users.get(channel) ?? 0) + 1);
    const stops = [
      channel.on("message", (message) => {
        setState((now) => ({ ...now, messages: [...now.messages, message].slice(-KEPT) }));
      }),
      channel.on("gap", () => setState((now) => ({ ...now, gap: true }))),
      channel.on("unsubscribed", ({ error }) => setState((now) => ({ ...now, error }))),
    ];
    return () => {
      for (const stop of stops) stop();
      const left = (users.get(channel) ?? 1) - 1;
      users.set(channel, left);
      if (left === 0) void channel.unsubscribe();
    };
    // `options` count when the channel is entered; another object each time must not enter it anew.
  }, [sorl, name]);
  const publish = useCallback((/** @type {unknown} */ data) => sorl.publish(name, data), [sorl, name]);
  return { ...state, publish };
}

/** @returns {{ messages: import("@sorl/client").Message[], gap: boolean, error: import("@sorl/client").SorlError | null }} */
function nothing() {
  return { messages: [], gap: false, error: null };
}
