/**
 * Numbers as people read them: few digits, a unit, the same width while they change.
 */

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

/** A count or a rate. @param {number} value */
export function amount(value) {
  if (value >= 100_000) return `${Math.round(value / 1_000)}k`;
  if (value >= 10 || Number.isInteger(value)) return whole.format(value);
  return value.toFixed(1);
}

/** No more digits than were measured. @param {number} ms */
export function duration(ms) {
  if (ms < 1_000 && Number.isInteger(ms)) return `${ms} ms`;
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${amount(count)} ${count === 1 ? one : many}`;
}
