/**
 * What the console makes of the service's figures, without a browser: rates,
 * latencies, the verdict.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Tick } from "../../web/stage/feed.js";
import { Health } from "../../web/stage/health.js";
import { Latencies } from "../../web/stage/quantile.js";
import { Samples } from "../../web/stage/samples.js";

const [US, EU] = ["us-east-1", "eu-north-1"];

const counter = (region, value) => ({ name: "sorl_posts_total", labels: { region }, value });

/** A reading, a second after the one before. */
function tick(now, before = now) {
  return new Tick({ at: 1, now: new Samples(now), before: new Samples(before), seconds: 1, ways: [] });
}

/** The buckets of one pair of regions: how many took at most so many seconds. */
function buckets(counts) {
  const labels = { origin: US, region: EU };
  const name = "sorl_delivery_seconds_bucket";
  return Object.entries(counts).map(([le, value]) => ({ name, labels: { ...labels, le }, value }));
}

test("a_rate_is_what_a_counter_grew_by_and_never_negative", () => {
  const grown = tick([counter(US, 30), counter(EU, 5)], [counter(US, 10), counter(EU, 5)]);
  assert.equal(grown.rate("sorl_posts_total"), 20);
  assert.equal(grown.rate("sorl_posts_total", { region: EU }), 0);
  assert.equal(tick([counter(US, 1)], [counter(US, 900)]).rate("sorl_posts_total"), 0, "it began anew");
  assert.equal(grown.rate("sorl_unheard_of_total"), 0);
});

test("a_latency_lies_in_its_bucket", () => {
  const latencies = new Latencies(US, EU);
  latencies.read(tick(buckets({ 0.01: 0, 0.1: 0, "+Inf": 0 })));
  assert.equal(latencies.quantile(0.5), null);
  latencies.read(tick(buckets({ 0.01: 10, 0.1: 20, "+Inf": 20 })));
  assert.equal(latencies.quantile(0.5), 10);
  assert.equal(Math.round(latencies.quantile(0.75)), 55, "half way through the second");
  latencies.read(tick(buckets({ 0.01: 10, 0.1: 20, "+Inf": 21 })));
  assert.equal(latencies.quantile(1), 100, "beyond the last bound it is that bound");
});

test("the_verdict_is_the_worst_of_what_is_known", () => {
  let verdict;
  const health = new Health([US, EU], (said) => {
    verdict = said;
  });
  health.read(tick([]));
  assert.deepEqual(verdict, { level: "good", text: "All is well" });
  health.deadLetters(1);
  assert.deepEqual(verdict, { level: "warn", text: "1 dead letter to look at" });
  const failed = [{ name: "sorl_records_failed_total", labels: { region: EU }, value: 1 }];
  health.read(tick(failed, []));
  assert.deepEqual(verdict, { level: "bad", text: `1 dead letter to look at · Deliveries fail in ${EU}` });
  health.lost();
  assert.deepEqual(verdict, { level: "bad", text: "The service does not answer" });
  health.deadLetters(0);
  for (let readings = 0; readings < 5; readings++) health.read(tick(failed));
  assert.equal(verdict.level, "good", "what is over is forgotten");
});
