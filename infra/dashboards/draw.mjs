/**
 * `node infra/dashboards/draw.mjs`: the dashboard of a region as a picture for the documents, out of what record.mjs
 * recorded and the very widgets that are deployed.
 *
 * Not CloudWatch's own drawing. The invariant: the same recording and widgets give the same bytes, so that a test sees a
 * picture that is behind.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { ROOT } from "../artifacts.mjs";
import { linesOf } from "./series.mjs";
import widgets from "./widgets.cjs";

export const RECORDING = path.join(ROOT, "docs/images/dashboard.json");
export const PICTURE = path.join(ROOT, "docs/images/dashboard.svg");

/** A dashboard's units in pixels: 24 columns wide, a chart six rows high. */
const [COLUMN, ROW, MARGIN, TOP] = [40, 34, 20, 64];
const INSIDE = { left: 46, right: 10, top: 30, bottom: 58 };
const STYLE = `text{font:11px system-ui,sans-serif;fill:#1c2733}.title{font-size:17px;font-weight:600}
.heading{font-size:14px;font-weight:600}.chart{font-weight:600}.faint{fill:#5b6875}.ground{fill:#fff}
.card{fill:#fff;stroke:#d5dce2}.axis{stroke:#e3e8ec}.mark{stroke:#b3361e;stroke-dasharray:2 3;opacity:.6}
.bound{stroke:#b3361e;stroke-dasharray:5 3}polyline,.point{fill:none;stroke-width:1.6}.point{stroke-width:3;stroke-linecap:round}
.c0{stroke:#2f6fb0}.c1{stroke:#c4621d}.c2{stroke:#2c8a5b}.c3{stroke:#8a4fa8}.c4{stroke:#8c6d1f}.c5{stroke:#5b6875}
@media(prefers-color-scheme:dark){text{fill:#dfe7ee}.faint{fill:#9badbd}.ground{fill:#12181f}.card{fill:#161e27;stroke:#2b3743}
.axis{stroke:#273441}.mark,.bound{stroke:#f08a70}.c0{stroke:#6aa9dc}.c1{stroke:#e8955a}.c2{stroke:#62c08f}.c3{stroke:#c08fdb}
.c4{stroke:#cdb062}.c5{stroke:#9badbd}}`;

/** The picture, as a text. */
export function drawn(recording) {
  const { body, ofRegion } = widgets;
  const placed = body(ofRegion({ ...recording.stage, api: "api" }), recording.stage.region).widgets;
  const bottom = Math.max(...placed.map(({ y, height }) => y + height));
  const [width, height] = [24 * COLUMN + 2 * MARGIN, bottom * ROW + TOP + MARGIN];
  const title = `The dashboard of a region: sorl-${recording.stage.stage}-${recording.stage.region}`;
  const told = `Recorded with sorl dev: ${recording.what}. A point is ${recording.step} s here, a minute in CloudWatch.`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">`,
    `<title id="t">${escape(title)}</title>\n<desc id="d">${escape(told)}</desc>\n<style>${STYLE}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    text("title", MARGIN, 30, title),
    text("faint", MARGIN, 50, told),
    ...placed.flatMap((widget) => widgetDrawn(recording, widget)),
    "</svg>\n",
  ].join("\n");
}

function widgetDrawn(recording, widget) {
  const [x, y] = [MARGIN + widget.x * COLUMN, TOP + widget.y * ROW];
  if (widget.type === "text") return [text("heading", x, y + 22, widget.properties.markdown.replace("## ", ""))];
  const [width, height] = [widget.width * COLUMN - 10, widget.height * ROW - 10];
  const frame = [
    `<rect class="card" x="${x}" y="${y}" width="${width}" height="${height}" rx="5"/>`,
    text("chart", x + 10, y + 18, widget.properties.title),
  ];
  const lines = linesOf(recording, widget).filter(({ values }) => values.some((value) => value !== null));
  if (lines.length === 0) return [...frame, text("faint", x + 10, y + height / 2, "AWS's own: there is none in a recording of sorl dev")];
  const plot = { x: x + INSIDE.left, y: y + INSIDE.top, width: width - INSIDE.left - INSIDE.right, height: height - INSIDE.top - INSIDE.bottom };
  return [...frame, ...plotted(recording, lines, plot), ...legend(lines, x + 10, y + height - 37, width - 20)];
}

function plotted({ steps, step, marks }, lines, { x, y, width, height }) {
  const top = niceAbove(Math.max(...lines.flatMap(({ values }) => values.filter((value) => value !== null))));
  const across = (at) => round(x + (width * at) / Math.max(steps - 1, 1));
  const up = (value) => round(y + height - (height * value) / top);
  const grid = [0, top / 2, top].flatMap((value) => [
    `<path class="axis" d="M${x} ${up(value)}h${width}"/>`,
    text("faint", x - 5, up(value) + 4, figure(value), "end"),
  ]);
  const marked = marks.map(({ at, what }) => `<path class="mark" d="M${across(at / step)} ${y}v${height}"><title>${escape(what)}</title></path>`);
  const curves = lines.flatMap(({ values }, index) => runs(values).map((run) => curve(run, index, across, up)));
  return [...grid, ...marked, ...curves];
}

/** A line where points follow each other, a dot where one stands alone. */
function curve(run, index, across, up) {
  const points = run.map(([at, value]) => `${across(at)},${up(value)}`);
  if (points.length === 1) return `<path class="point c${index % 6}" d="M${points[0]}h0"/>`;
  return `<polyline class="c${index % 6}" points="${points.join(" ")}"/>`;
}

/** What stands together between gaps, each value with its step. */
function runs(values) {
  const found = [];
  for (const [at, value] of values.entries()) {
    if (value === null) continue;
    const last = found.at(-1);
    if (last?.at(-1)[0] === at - 1) last.push([at, value]);
    else found.push([[at, value]]);
  }
  return found;
}

function legend(lines, x, y, width) {
  const column = width / 2;
  return lines.slice(0, 6).flatMap(({ label }, index) => {
    const [left, down] = [round(x + column * (index % 2)), y + 14 * Math.floor(index / 2)];
    return [`<path class="point c${index}" d="M${left} ${down}h8"/>`, text("faint", left + 12, down + 4, label.slice(0, Math.floor((column - 12) / 5.6)))];
  });
}

/** The next of 1, 2, 5, 10, … */
function niceAbove(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((nice) => nice >= value * 0.999);
}

const round = (value) => Math.round(value * 10) / 10;
const figure = (value) => (value >= 1000 ? `${round(value / 1000)}k` : String(Number(value.toPrecision(2))));
const escape = (words) => words.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const text = (kind, x, y, words, anchor = "start") => `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${escape(words)}</text>`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PICTURE, drawn(JSON.parse(readFileSync(RECORDING, "utf8"))));
}
