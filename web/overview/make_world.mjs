/**
 * Makes `world.js`: the outline of the land and where AWS's regions lie on it,
 * in one flat projection, so that the page needs no map library.
 *
 * `node web/overview/make_world.mjs` writes it anew. Not part of the page. The
 * outline is Natural Earth's (public domain), as the package `world-atlas`
 * brings it; the places are the cities that AWS names its regions after.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { geoNaturalEarth1, geoPath } from "d3-geo";
import { feature } from "topojson-client";

const WIDTH = 1000;
/** Without Antarctica, where nobody chats. */
const [SOUTH, NORTH] = [-56, 84];

/** Longitude and latitude. @type {Record<string, [number, number]>} */
const PLACES = {
  "af-south-1": [18.4, -33.9],
  "ap-east-1": [114.2, 22.3],
  "ap-northeast-1": [139.7, 35.7],
  "ap-northeast-2": [127.0, 37.6],
  "ap-northeast-3": [135.5, 34.7],
  "ap-south-1": [72.9, 19.1],
  "ap-south-2": [78.5, 17.4],
  "ap-southeast-1": [103.8, 1.35],
  "ap-southeast-2": [151.2, -33.9],
  "ap-southeast-3": [106.8, -6.2],
  "ap-southeast-4": [145.0, -37.8],
  "ca-central-1": [-73.6, 45.5],
  "ca-west-1": [-114.1, 51.0],
  "eu-central-1": [8.7, 50.1],
  "eu-central-2": [8.5, 47.4],
  "eu-north-1": [18.1, 59.3],
  "eu-south-1": [9.2, 45.5],
  "eu-south-2": [-0.9, 41.6],
  "eu-west-1": [-6.3, 53.3],
  "eu-west-2": [-0.1, 51.5],
  "eu-west-3": [2.35, 48.9],
  "il-central-1": [34.8, 32.1],
  "me-central-1": [54.4, 24.5],
  "me-south-1": [50.6, 26.2],
  "mx-central-1": [-100.4, 20.6],
  "sa-east-1": [-46.6, -23.5],
  "us-east-1": [-77.5, 39.0],
  "us-east-2": [-83.0, 40.0],
  "us-west-1": [-121.9, 37.4],
  "us-west-2": [-119.7, 45.8],
};

/** The text of `world.js`. */
export function world() {
  const atlas = createRequire(import.meta.url)("world-atlas/land-110m.json");
  const land = feature(atlas, atlas.objects.land).features[0];
  land.geometry.coordinates = land.geometry.coordinates.filter(isShown);
  const projection = geoNaturalEarth1().fitWidth(WIDTH, { type: "Sphere" });
  const [, top] = projection([0, NORTH]);
  const [, bottom] = projection([0, SOUTH]);
  const height = Math.round(bottom - top);
  const [x, y] = projection.translate();
  projection.translate([x, y - top]);
  const path = relative(geoPath(projection).digits(0)(land) ?? "");
  const places = Object.entries(PLACES).map(([region, place]) => {
    const [left, down] = projection(place).map((at) => Math.round(at * 10) / 10);
    return `  "${region}": [${left}, ${down}],`;
  });
  return [
    "/**",
    " * The world, flat: made by `make_world.mjs`, not by hand.",
    " */",
    "",
    `export const WIDTH = ${WIDTH};`,
    `export const HEIGHT = ${height};`,
    "",
    "/** Where AWS's regions lie. @type {Record<string, [number, number]>} */",
    "export const PLACES = {",
    ...places,
    "};",
    "",
    "/** The outline of the land, as an SVG path. */",
    `export const LAND =\n  "${path}";`,
    "",
  ].join("\n");
}

/** Whether a part of the land reaches north of the map's southern edge. @param {number[][][]} polygon */
function isShown([outline]) {
  return outline.some(([, latitude]) => latitude > SOUTH);
}

/** The same path in steps instead of places, which are half as long. @param {string} path */
function relative(path) {
  return path.replace(/M([^MZ]*)Z/g, (_, line) => {
    const points = line.split("L").map((point) => point.split(",").map(Number));
    const steps = points.slice(1).map(([x, y], at) => [x - points[at][0], y - points[at][1]]);
    const moves = steps.filter(([x, y]) => x !== 0 || y !== 0);
    return moves.length < 2 ? "" : `M${points[0]}l${moves.join(" ").replace(/[ ,]-/g, "-")}z`;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = fileURLToPath(new URL("world.js", import.meta.url));
  writeFileSync(file, world());
  console.log(`${file}: ${readFileSync(file).length} bytes`);
}
