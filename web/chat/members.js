/**
 * Who is in a pane's channel: a snapshot, kept up by joins and leaves.
 *
 * Replication between regions takes a moment, so a snapshot taken just after
 * a join may not have it yet. Events are therefore applied at once, and a
 * later snapshot sets right what they could not know.
 */

import { element } from "../element.js";
import { tint } from "../region_names.js";

const SETTLED_MS = 2_000;
const SHOWN = 40;

/**
 * @typedef {import("/client/index.js").Presence} Presence
 * @typedef {{ event: string, user: string, region: string }} PresenceEvent
 */

export class Members {
  /** @type {Map<string, { connections: number, regions: Set<string> }>} */
  #members = new Map();
  #list;
  #count;
  #take;
  #timer = 0;

  /**
   * @param {{ list: HTMLElement, count: HTMLElement, take: () => Promise<Presence> | null }} parts
   * `take` asks for a snapshot, or null when nobody can be asked
   */
  constructor({ list, count, take }) {
    this.#list = list;
    this.#count = count;
    this.#take = take;
  }

  /** Takes a snapshot now, and one more when replication has caught up with it. */
  async refresh() {
    this.#settleLater();
    await this.#snapshot();
  }

  #settleLater() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#snapshot(), SETTLED_MS);
  }

  async #snapshot() {
    const presence = await this.#take()?.catch(() => null);
    if (!presence) return;
    this.#members.clear();
    for (const { user, connections, regions } of presence.members) {
      this.#members.set(user, { connections, regions: new Set(regions) });
    }
    this.#show(presence.count);
  }

  /** @param {PresenceEvent} event */
  heard({ event, user, region }) {
    const member = this.#members.get(user) ?? { connections: 0, regions: new Set() };
    member.connections += event === "join" ? 1 : -1;
    if (event === "join") member.regions.add(region);
    if (member.connections > 0) this.#members.set(user, member);
    else this.#members.delete(user);
    this.#show(this.#members.size);
    this.#settleLater();
  }

  clear() {
    clearTimeout(this.#timer);
    this.#members.clear();
    this.#show(0);
  }

  /** @param {number} count of all, of which some may not be in the list */
  #show(count) {
    this.#count.textContent = String(count);
    const names = [...this.#members.keys()].sort().slice(0, SHOWN);
    const items = names.map((user) => {
      const dots = [...(this.#members.get(user)?.regions ?? [])].sort().map((region) => {
        return tint(element("i", { class: "dot", title: region }), region);
      });
      return element("li", { "data-testid": "member" }, user, " ", ...dots);
    });
    if (count > names.length) items.push(element("li", {}, `and ${count - names.length} more`));
    this.#list.replaceChildren(...items);
  }
}
