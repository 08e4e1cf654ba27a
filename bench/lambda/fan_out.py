"""Fan-out: a batch of ten records, each to another channel of 1,000 connections, one post to each connection.

No two of an invocation's posts go to the same connection, so that nothing can be coalesced and all subjects make the
same 10,000 posts. What is compared is the CPU of the whole invocation a post: the event read, the log written, the
audiences read, everything posted.
"""

from harness import Chart, Goal, Part, Table, median, ratio

from . import subjects
from .stage import Stage

NAME = "fan_out"
NEEDS = {"bench", "peers", "package", "node"}

SCENARIO = {"channels": 10, "members": 1000, "records": 10}
FAULTS = {"gone": 1, "throttled": 5}
LATENCY_MS = 20
# What Node cost where these figures were first taken, CPU-seconds a million posts: a peer far from it is another.
NODE_KNOWN, NODE_MARGIN = (342, 345), 0.15


def measure(bench):
    rounds = bench.choose(2, 1)
    node = [subjects.node(50), subjects.node(256)]
    ours, bare = subjects.deliver(bench), subjects.bare(bench)
    everybody = [ours, *node, subjects.sdk(bench), bare]
    runs = {}
    with Stage(bench) as stage:
        for tls in (False, True):
            turns = {subject.name: one_turn(bench, stage, subject, tls, subject is ours) for subject in everybody}
            found = bench.turns("TLS" if tls else "plain", turns, rounds)
            runs |= {(name, tls, arm): [turn[arm] for turn in found[name]] for name in found for arm in found[name][0]}
    names = [subject.name for subject in everybody]
    return Part(
        title="Fan-out: one post a connection",
        tables=[figures(runs, names), faults(runs, ours.name)],
        goals=goals(runs, ours.name, [subject.name for subject in node], bare.name),
        runs=[run.record(subject=name, tls=tls, arm=arm) for (name, tls, arm), each in runs.items() for run in each],
        charts=[chart(runs, names)],
        notes=[node_note(runs, [subject.name for subject in node])],
    )


def one_turn(bench, stage, subject, tls, is_ours):
    """A fresh process, warmed up, then every arm."""
    cheap = not subject.name.startswith("Node")
    invocations = bench.choose(10, 2) if cheap else bench.choose(2, 1)

    def turn(_):
        with stage.start(subject, tls) as process:
            stage.run(process, SCENARIO | {"invocations": 2 if cheap else bench.choose(2, 1)})
            runs = {"0 ms": stage.run(process, SCENARIO | {"invocations": invocations})}
            slow = {"invocations": bench.choose(4, 1) if cheap else 1, "latency_ms": LATENCY_MS}
            runs["20 ms"] = stage.run(process, SCENARIO | slow)
            if is_ours:
                runs["faults"] = stage.run(process, SCENARIO | FAULTS | {"invocations": bench.choose(4, 1)})
        return runs

    return turn


def cost(runs, name, tls=False, arm="0 ms"):
    return median(run.us_per_post for run in runs[name, tls, arm])


def rss(runs, name):
    return median(run.peak_rss for run in runs[name, False, "0 ms"])


def goals(runs, ours, node, bare):
    best = min(node, key=lambda name: cost(runs, name))
    tls = min(cost(runs, name, True) for name in node) / cost(runs, ours, True)
    return [
        Goal("cpu_per_post_vs_node", ratio(cost(runs, best), cost(runs, ours)), 25, least=True, note=f"with TLS {tls:.1f}"),
        Goal(
            "cpu_per_post_vs_bare_http",
            ratio(cost(runs, ours), cost(runs, bare)),
            1.5,
            note=f"with TLS {ratio(cost(runs, ours, True), cost(runs, bare, True)):.2f}",
        ),
        Goal("peak_rss_vs_node", ratio(rss(runs, ours), min(rss(runs, name) for name in node)), 0.1),
    ]


def figures(runs, names):
    rows = []
    for name in names:
        costs = [cost(runs, name, tls, arm) for tls in (False, True) for arm in ("0 ms", "20 ms")]
        speeds = [median(run.posts_per_second for run in runs[name, tls, "0 ms"]) for tls in (False, True)]
        slow = median(run.posts_per_second for run in runs[name, False, "20 ms"])
        rows.append([name, *costs, *speeds, slow, rss(runs, name) / 2**20])
    return Table(
        "CPU-seconds a million posts (= µs a post), posts/s, peak memory; medians of the turns",
        ["subject", "plain", "plain, 20 ms", "TLS", "TLS, 20 ms", "posts/s", "posts/s, TLS", "posts/s, 20 ms", "peak MiB"],
        rows,
    )


def faults(runs, name):
    rows = []
    for tls in (False, True):
        each = runs[name, tls, "faults"]
        counts = each[-1].counts
        rows.append([
            "TLS" if tls else "plain", median(run.us_per_post for run in each), counts["deliveries"], counts["gone"],
            counts["throttled"], counts["slices"], counts["closed"], counts["missing"] + counts["repeated"],
        ])
    return Table(
        f"{name} with 1 % of the connections gone (410) and 5 % of the posts throttled once (429)",
        ["", "CPU-s a M", "deliveries", "410", "429", "slices", "closed", "missing or repeated"],
        rows,
        "Slices are handed out as the next invocations, their delay not waited for, until everybody has the message or is closed.",
    )


def chart(runs, names):
    bars = {name: cost(runs, name) for name in names}
    return Chart("fan-out", "CPU a post, whole invocation included", "CPU-seconds a million posts", bars=bars, logarithmic=True)


def node_note(runs, node):
    seen = min(cost(runs, name) for name in node)
    low, high = NODE_KNOWN[0] * (1 - NODE_MARGIN), NODE_KNOWN[1] * (1 + NODE_MARGIN)
    if low <= seen <= high:
        return f"Node costs {seen:.0f} CPU-s a million, within 15 % of the {NODE_KNOWN[0]} to {NODE_KNOWN[1]} that are known of it."
    return (
        f"Node costs {seen:.0f} CPU-s a million, not within 15 % of the {NODE_KNOWN[0]} to {NODE_KNOWN[1]} that are known of it: "
        "this machine is another, or was busy (see the load in the circumstances). Compare ratios, of which both halves were disturbed alike."
    )
