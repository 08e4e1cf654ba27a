/** The soak in Node, against the release binary. */

import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { WebSocket } from "ws";
import { RUN, startService } from "../../../tests/browser/service.mjs";
import { soak } from "./life.js";
import { inBadWeather, judge, judgeMemory, SAMPLES, SECONDS } from "./weather.js";

setFlagsFromString("--expose_gc");
const collectGarbage = runInNewContext("gc");

test("in_node_nothing_is_lost_or_shown_twice_and_memory_is_flat", async (context) => {
  const service = await startService();
  context.after(() => service.stop());
  const heaps = [];
  const sample = () => {
    collectGarbage();
    heaps.push(process.memoryUsage().heapUsed);
  };
  const timer = setInterval(sample, (SECONDS * 1_000) / SAMPLES);
  const work = soak({ url: service.url, seconds: SECONDS, run: `${RUN}-node`, WebSocket });
  const report = await inBadWeather(service.url, work).finally(() => clearInterval(timer));
  context.diagnostic(JSON.stringify({ ...report, heaps }));
  judge(report);
  judgeMemory(heaps, report);
});
