/**
 * What a widget of a dashboard shows of a recording: CloudWatch's metrics out of the counters that `sorl dev` serves.
 *
 * Not CloudWatch: it knows the statistics and the few functions of metric math that our widgets use, and refuses others.
 * The invariant: what was not recorded is a gap, never a zero. A point stands for one step of the recording, told as if it
 * had been a whole period: sums are scaled up.
 */
/** AWS's own metrics that `sorl dev` counts too. */
const AWS_OWN = {
  ApproximateNumberOfMessagesVisible: ({ QueueName }) => ({ name: "sorl_records", labels: { queue: QueueName.split("-").at(-1) } }),
  NumberOfMessagesPublished: () => ({ name: "sorl_accepted_total", labels: { via: "sns" } }),
};

/** The lines of a widget: a label and a value (or null) for each step. */
export function linesOf(recording, { properties }) {
  const known = new Map();
  const lines = [];
  for (const [index, row] of properties.metrics.entries()) {
    const options = row.at(-1);
    const period = options.period ?? properties.period;
    const values = options.expression ? expression(options.expression, known, recording, period) : metric(recording, row, period);
    known.set(options.id ?? `row${index}`, values);
    if (options.visible !== false) lines.push({ label: options.label ?? row[1], values });
  }
  return lines;
}

function metric(recording, [namespace, name, ...rest], period) {
  const options = rest.pop();
  const dimensions = Object.fromEntries(pairs(rest));
  const { stage, ...labels } = dimensions;
  if (namespace === "Sorl") return statistic(recording, name, labels, options.stat, period);
  const own = AWS_OWN[name]?.(dimensions);
  if (!own) return nothing(recording);
  return own.name.endsWith("_total") ? sum(recording, own.name, own.labels, period) : level(recording, own.name, own.labels);
}

const pairs = (list) => Array.from({ length: list.length / 2 }, (_, at) => list.slice(2 * at, 2 * at + 2));
const nothing = ({ steps }) => Array(steps).fill(null);

function statistic(recording, name, labels, stat, period) {
  if (stat === "Sum") return sum(recording, `sorl_${name}_total`, labels, period);
  const percent = /^p(\d+)$/.exec(stat)?.[1];
  if (percent && name.endsWith("_seconds")) return percentile(recording, `sorl_${name}_bucket`, labels, percent / 100);
  if (["Maximum", "Minimum", "Average"].includes(stat)) return nothing(recording);
  throw new Error(`${name}: ${stat} of a recording is not known`);
}

/** The series of a metric that have these labels, each as its values step by step, the first of before the first step. */
function series({ series: all }, name, labels) {
  return all.filter((one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value));
}

const grown = (values) => values.slice(1).map((value, at) => value - values[at]);

function sum(recording, name, labels, period) {
  const found = series(recording, name, labels);
  if (found.length === 0) return nothing(recording);
  const steps = found.map(({ values }) => grown(values));
  return steps[0].map((_, at) => (period / recording.step) * steps.reduce((total, one) => total + one[at], 0));
}

function level(recording, name, labels) {
  const found = series(recording, name, labels);
  return found.length === 0 ? nothing(recording) : found[0].values.slice(1);
}

/** Read from the histogram's buckets as Prometheus does: evenly spread within one. */
function percentile(recording, name, labels, share) {
  const bounds = new Map();
  for (const { labels: { le }, values } of series(recording, name, labels)) {
    const sums = bounds.get(le);
    const steps = grown(values);
    bounds.set(le, sums ? sums.map((value, at) => value + steps[at]) : steps);
  }
  const buckets = [...bounds].map(([le, counts]) => [le === "+Inf" ? Infinity : Number(le), counts]).sort(([a], [b]) => a - b);
  return nothing(recording).map((_, at) => within(buckets.map(([le, counts]) => [le, counts[at]]), share));
}

function within(buckets, share) {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const rank = share * total;
  const index = buckets.findIndex(([, count]) => count >= rank);
  const [lower, below] = index > 0 ? buckets[index - 1] : [0, 0];
  const [upper, count] = buckets[index];
  return upper === Infinity ? lower : lower + ((upper - lower) * (rank - below)) / Math.max(count - below, 1);
}

/** Metric math, for each step by itself. */
function expression(text, known, recording, period) {
  const of = (word, at) => known.get(word)?.[at] ?? null;
  return nothing(recording).map((_, at) => {
    const filled = text
      .replace(/PERIOD\(\w+\)/g, String(period))
      .replace(/FILL\((\w+),\s*(\d+)\)/g, (_all, word, instead) => String(of(word, at) ?? instead));
    const words = filled.match(/[A-Za-z_]\w*/g) ?? [];
    if (words.some((word) => !known.has(word))) throw new Error(`${text}: not known in a recording`);
    if (words.some((word) => of(word, at) === null)) return null;
    const value = calculate(filled.replace(/[A-Za-z_]\w*/g, (word) => String(of(word, at))));
    return Number.isFinite(value) ? value : null;
  });
}

/** `a/b` and `a/(b-c)`, which is all that our widgets have. */
function calculate(text) {
  const [over, under] = text.split("/");
  const [first, second = 0] = under.replace(/[()]/g, "").split(/(?<=[\d.])-/).map(Number);
  return Number(over) / (first - second);
}
