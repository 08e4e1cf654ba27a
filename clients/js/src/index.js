/**
 * `@sorl/client`: publish/subscribe and chat over WebSockets, with recovery.
 *
 * ```js
 * const sorl = new Sorl({ endpoints, token });
 * const room = sorl.subscribe("room:42", { rewind: 20 });
 * room.on("message", (message, { recovered }) => show(message, recovered));
 * await room.publish({ text: "hello" });
 * ```
 *
 * Each message is shown once, whatever was retried, delivered twice or
 * recovered. After a lost connection the client returns, to the next region if
 * it must, and brings what was missed, or says by `gap` that it could not.
 */

export { Sorl } from "./sorl.js";
export { Channel } from "./channel.js";
export { SorlError } from "./error.js";

/**
 * @typedef {import("./sorl.js").SorlOptions} SorlOptions
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./protocol.js").Presence} Presence
 * @typedef {import("./protocol.js").Member} Member
 * @typedef {import("./protocol.js").Page} Page
 * @typedef {import("./history.js").History} History
 * @typedef {import("./members.js").Members} Members
 * @typedef {import("./membership.js").SubscribeOptions} SubscribeOptions
 * @typedef {import("./link.js").Transition} Transition
 * @typedef {import("./channel.js").Meta} Meta
 * @typedef {import("./channel.js").ChannelEvents} ChannelEvents
 */
