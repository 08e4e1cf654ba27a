/**
 * The parts of a pane, found by name in a copy of its template.
 */

/** @param {HTMLTemplateElement} template */
export function partsOf(template) {
  const root = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  /**
   * @template {HTMLElement} Kind
   * @param {string} selector
   * @returns {Kind}
   */
  const part = (selector) => /** @type {Kind} */ (root.querySelector(selector));
  return {
    root,
    /** @type {HTMLAnchorElement} */ focus: part("[data-part=focus]"),
    /** @type {HTMLElement} */ name: part("[data-part=region]"),
    /** @type {HTMLElement} */ place: part("[data-part=place]"),
    /** @type {HTMLElement} */ status: part("[data-part=state]"),
    /** @type {HTMLFormElement} */ join: part("[data-part=join]"),
    /** @type {HTMLInputElement} */ user: part("[name=user]"),
    /** @type {HTMLInputElement} */ channel: part("[name=channel]"),
    /** @type {HTMLButtonElement} */ connect: part("[data-part=connect]"),
    /** @type {HTMLElement} */ members: part("[data-part=members]"),
    /** @type {HTMLElement} */ memberCount: part("[data-part=member-count]"),
    /** @type {HTMLElement} */ transcript: part("[data-part=transcript]"),
    /** @type {HTMLFormElement} */ compose: part("[data-part=compose]"),
    /** @type {HTMLInputElement} */ text: part("[data-part=text]"),
    /** @type {HTMLButtonElement} */ send: part("[data-part=send]"),
    /** @type {HTMLElement} */ latency: part("[data-part=latency]"),
    /** @type {HTMLSelectElement} */ gateway: part("[data-part=gateway]"),
    /** @type {HTMLButtonElement} */ unplug: part("[data-part=unplug]"),
  };
}
