/**
 * Who is in a channel, kept up to date: by snapshots, and between them by the
 * joins and leaves that the channel is told of.
 *
 * Joins and leaves are of connections and at best effort, so the snapshot is
 * what counts. The invariant: whatever makes the list doubtful (a return after
 * a gap, an event that a snapshot may have had in it already, a leave of
 * someone unknown, a list that is cut) is followed by another snapshot, at most
 * one in 10 seconds, because each is a query over all regions.
 */

import { Emitter } from "./emitter.js";

/**
 * @typedef {import("./protocol.js").Member} Member
 * @typedef {import("./protocol.js").PresenceEvent} PresenceEvent
 */

/**
 * @typedef {object} MembersEvents
 * @property {[members: Member[], change: { joined: string[], left: string[] }]} change users who came and went
 * @property {[error: import("./error.js").SorlError]} error the list cannot be had
 */

const DOUBTFUL_MS = 10_000;

export class Members {
  /** @type {Emitter<MembersEvents>} */
  #events = new Emitter();
  /** @type {Map<string, Member>} */
  #users = new Map();
  #count = 0;
  #truncated = false;
  #channel;
  #clock;
  #asked = 0;
  /** Of the next snapshot. @type {(() => void) | null} */
  #cancel = null;
  #stops;

  /** @param {import("./channel.js").Channel} channel @param {import("./clock.js").Clock} clock */
  constructor(channel, clock) {
    this.#channel = channel;
    this.#clock = clock;
    this.#stops = [
      channel.on("presence", (event) => this.#told(event)),
      channel.on("subscribed", () => this.#ask()),
      channel.on("unsubscribed", () => this.close()),
    ];
    this.#ask();
  }

  /** The members by name, as far as is known. */
  get current() {
    return [...this.#users.values()].sort((a, b) => (a.user < b.user ? -1 : 1));
  }

  /** How many users there are, also where not all are listed. */
  get count() {
    return Math.max(this.#count, this.#users.size);
  }

  /**
   * Listens; the function returned stops that.
   *
   * @template {keyof MembersEvents} Name
   * @param {Name} name
   * @param {(...args: MembersEvents[Name]) => void} listener
   */
  on(name, listener) {
    return this.#events.on(name, listener);
  }

  /** Keeps it no longer; it ends with the channel, too. */
  close() {
    this.#cancel?.();
    for (const stop of this.#stops.splice(0)) stop();
  }

  #ask() {
    this.#cancel?.();
    this.#cancel = null;
    this.#asked = this.#clock.now();
    this.#channel.presence().then(
      ({ members, count, truncated }) => {
        if (!this.#stops.length) return;
        this.#count = count;
        this.#truncated = truncated;
        this.#become(new Map(members.map((member) => [member.user, member])));
      },
      (error) => {
        if (error.temporary) this.#doubt();
        else this.#events.emit("error", error);
      },
    );
  }

  #doubt() {
    if (!this.#stops.length) return;
    this.#cancel ??= this.#clock.after(DOUBTFUL_MS, () => this.#ask());
  }

  /** @param {PresenceEvent} event */
  #told({ event, user, region }) {
    const { connections = 0, regions = [] } = this.#users.get(user) ?? {};
    const now = connections + (event === "join" ? 1 : -1);
    if (this.#truncated || now < 0 || this.#clock.now() - this.#asked < DOUBTFUL_MS) this.#doubt();
    const users = new Map(this.#users);
    // With fewer connections than regions, the last one in that region went.
    const others = regions.filter((one) => one !== region || (event !== "join" && now >= regions.length));
    if (event === "join") others.push(region);
    if (now > 0) users.set(user, { user, connections: now, regions: others });
    else users.delete(user);
    this.#count += users.size - this.#users.size;
    this.#become(users);
  }

  /** @param {Map<string, Member>} users */
  #become(users) {
    const former = this.#users;
    this.#users = users;
    const joined = [...users.keys()].filter((user) => !former.has(user));
    const left = [...former.keys()].filter((user) => !users.has(user));
    this.#events.emit("change", this.current, { joined, left });
  }
}
