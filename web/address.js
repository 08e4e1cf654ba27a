/**
 * What the page's address says after the `#`: which region has the page to
 * itself, and who is to connect there to which channel.
 *
 * `#region=eu-north-1&user=alice&channel=room:lobby`; without a region all are
 * shown. It is read anew whenever it changes, and nothing else is kept in it.
 */

/**
 * @typedef {{ region?: string, user?: string, channel?: string }} Address
 */

/** @returns {Address} */
export function readAddress(hash = location.hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const field = (/** @type {string} */ name) => fields.get(name) || undefined;
  return { region: field("region"), user: field("user"), channel: field("channel") };
}

/** @param {Address} address */
export function formatAddress({ region, user, channel }) {
  const fields = Object.entries({ region, user, channel }).filter(([, value]) => value);
  // Colons and the like are common in channels and need no escape after a `#`.
  const escape = (/** @type {string} */ value) =>
    encodeURIComponent(value).replace(/%(3A|40|2F)/g, decodeURIComponent);
  return `#${fields.map(([name, value]) => `${name}=${escape(String(value))}`).join("&")}`;
}
