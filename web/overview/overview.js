/**
 * The stage at a glance: map, regions, latencies, charts, all from one reading.
 */

import { byId } from "../element.js";
import { setUpCharts } from "./charts.js";
import { WorldMap } from "./map.js";
import { Matrix } from "./matrix.js";
import { RegionTable } from "./regions.js";

/** @param {string[]} regions */
export function setUpOverview(regions) {
  const map = new WorldMap(byId("map", HTMLElement), regions);
  const table = new RegionTable(byId("regions", HTMLElement), regions);
  const matrix = new Matrix(byId("matrix", HTMLElement), regions);
  const charts = setUpCharts(byId("charts", HTMLElement), regions);
  return {
    /** @param {import("../stage/feed.js").Tick} tick */
    read(tick) {
      for (const part of [map, table, matrix, ...charts]) part.read(tick);
    },
    /** @param {string[]} cut */
    setCut(cut) {
      map.setCut(cut);
      table.setCut(cut);
    },
    recolour() {
      for (const chart of charts) chart.recolour();
    },
  };
}
