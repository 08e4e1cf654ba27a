/**
 * One reading of the service's counters and gauges, by name and labels.
 */

/**
 * @typedef {Record<string, string>} Labels
 * @typedef {{ name: string, labels?: Labels, value: number }} Sample
 */

export class Samples {
  /** @type {Map<string, { labels: Labels, value: number }[]>} */
  #byName = new Map();

  /** @param {Sample[]} list */
  constructor(list) {
    for (const { name, labels = {}, value } of list) {
      const known = this.#byName.get(name);
      if (known) known.push({ labels, value });
      else this.#byName.set(name, [{ labels, value }]);
    }
  }

  /** Those of that name whose labels are at least these. @param {string} name @param {Labels} [wanted] */
  of(name, wanted = {}) {
    const all = this.#byName.get(name) ?? [];
    const asked = Object.entries(wanted);
    return all.filter(({ labels }) => asked.every(([label, value]) => labels[label] === value));
  }

  /** @param {string} name @param {Labels} [wanted] */
  sum(name, wanted) {
    return this.of(name, wanted).reduce((sum, { value }) => sum + value, 0);
  }
}
