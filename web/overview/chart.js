/**
 * A small chart of the last minutes: a heading with the figures of now, or of
 * the moment that is pointed at, and lines below.
 *
 * The figures are text; the drawing only repeats them. Colours are those of
 * the legend's swatches, whatever the theme.
 */

import { element } from "../element.js";
import { amount } from "../figures.js";

const KEPT = 300;
const SHORTEST_S = 60;
const HEIGHT = 104;

/** @type {typeof import("uplot")} */
const Plot = /** @type {any} */ (window).uPlot;

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/**
 * @typedef {{ label: string, swatch: HTMLElement, read: (tick: import("../stage/feed.js").Tick) => number | null }} Series
 * @typedef {{ title: string, unit: string, hint: string, headline: (values: (number | null)[]) => number | null, series: Series[] }} Subject
 */

export class Chart {
  #subject;
  /** Times in s, then each line's values. @type {(number | null)[][]} */
  #columns;
  #value = element("strong", { class: "value" }, "–");
  #at = element("span", { class: "moment" });
  /** @type {HTMLElement[]} */
  #figures;
  #plot;

  /** @param {HTMLElement} box @param {Subject} subject */
  constructor(box, subject) {
    this.#subject = subject;
    this.#columns = [[], ...subject.series.map(() => [])];
    this.#figures = subject.series.map(() => element("b", {}, "–"));
    const canvas = element("div", { class: "plot", "aria-hidden": "true" });
    box.append(this.#caption(), canvas);
    this.#plot = new Plot(this.#options(), this.#data(), canvas);
    new ResizeObserver(() => {
      this.#plot.setSize({ width: canvas.clientWidth, height: HEIGHT });
    }).observe(canvas);
  }

  /** @param {import("../stage/feed.js").Tick} tick */
  read(tick) {
    const [times, ...lines] = this.#columns;
    times?.push(tick.at / 1_000);
    lines.forEach((line, at) => line.push(this.#subject.series[at]?.read(tick) ?? null));
    if ((times?.length ?? 0) > KEPT) for (const column of this.#columns) column.shift();
    this.#plot.setData(this.#data());
    this.#tell();
  }

  /** The colours may be others now. */
  recolour() {
    this.#plot.redraw();
  }

  #caption() {
    const { title, unit, hint, series } = this.#subject;
    const legend = series.map(({ label, swatch }, at) => {
      return element("li", {}, swatch, `${label} `, this.#figures[at] ?? "");
    });
    return element(
      "figcaption",
      {},
      element("h3", { title: hint }, title),
      element("p", { class: "now" }, this.#value, ` ${unit} `, this.#at),
      element("ul", { class: "legend" }, ...legend),
    );
  }

  /** The figures of the moment that is pointed at, else the latest. */
  #tell() {
    const pointed = this.#plot.cursor.idx;
    const index = pointed ?? (this.#columns[0]?.length ?? 0) - 1;
    const values = this.#columns.slice(1).map((line) => line[index] ?? null);
    values.forEach((value, line) => {
      const figure = this.#figures[line];
      if (figure) figure.textContent = shown(value);
    });
    this.#value.textContent = shown(this.#subject.headline(values));
    const time = this.#columns[0]?.[index];
    this.#at.textContent = pointed == null || time == null ? "" : `at ${clock.format(time * 1_000)}`;
  }

  #data() {
    return /** @type {import("uplot").AlignedData} */ (/** @type {unknown} */ (this.#columns));
  }

  /** @returns {import("uplot").Options} */
  #options() {
    const grid = { stroke: () => colour("--grid"), width: 1 };
    const axis = { stroke: () => colour("--soft"), grid, ticks: { show: false }, font: "11px system-ui" };
    return {
      width: 300,
      height: HEIGHT,
      legend: { show: false },
      padding: [6, 4, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, sync: { key: "charts" }, points: { size: 6 } },
      scales: { x: { range: (_plot, _from, to) => this.#span(to ?? 0) }, y: { range: upwards } },
      axes: [
        { ...axis, size: 20, space: 70, values: times },
        { ...axis, size: 34, space: 28, values: (_plot, splits) => splits.map(amount) },
      ],
      series: [{}, ...this.#subject.series.map(({ label, swatch }) => line(label, swatch))],
      hooks: { setCursor: [() => this.#plot && this.#tell()] },
    };
  }

  /** From the first reading that is kept, and never less than a minute. @param {number} to @returns {[number, number]} */
  #span(to) {
    return [Math.min(to - SHORTEST_S, this.#columns[0]?.[0] ?? to), to];
  }
}

/** A colour of the theme in force; the styles register it, so that it comes resolved. @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

/** The times of day, but for one that would be cut at the right edge. @param {any} plot @param {number[]} splits */
function times(plot, splits) {
  const { min, max } = plot.scales.x;
  return splits.map((s) => (max - s < (max - min) * 0.08 ? "" : clock.format(s * 1_000)));
}

/** From nought, and never so narrow that noise looks like a peak. @type {import("uplot").Scale.Range} */
const upwards = (_plot, _from, to) => [0, Number.isFinite(to) ? Math.max(to * 1.15, 1) : 1];

/** @param {string} label @param {HTMLElement} swatch @returns {import("uplot").Series} */
function line(label, swatch) {
  return { label, stroke: () => getComputedStyle(swatch).color, width: 1.75, points: { show: false } };
}

/** @param {number | null | undefined} value */
const shown = (value) => (value == null ? "–" : amount(value));
