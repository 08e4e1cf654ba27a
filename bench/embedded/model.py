"""The model against reality: `sorl capacity --embedded` beside a run of `sorl dev`, at sizes that both can do.

Not a goal: a check that what the model says of AWS stands on arithmetic that holds where it can be looked at. The model
is given what one run measured (the CPU time of a post, at one size and pace) and says the latencies of the others.
"""

import json
import subprocess

from embedded.subjects import BYTES, STEADY, sorl
from harness import Part, Table, Wrong, median, ratio

NAME = "model"
NEEDS = {"bench", "cli"}

MEMBERS = (100, 1_000, 2_000)
# The size whose CPU time the model is given; the others it has to say by itself.
CALIBRATED = 1_000
# The load client has a core of its own.
CORES = 1


def measure(bench):
    seen = {members: median_run(bench, members) for members in MEMBERS}
    post_cpu_us = seen[CALIBRATED]["cpu_seconds"] / seen[CALIBRATED]["frames"] * 1e6
    told = {members: model(bench, members, post_cpu_us) for members in MEMBERS}
    rows = [row(members, seen[members], told[members]) for members in MEMBERS]
    columns = ["members", "p50 ms seen", "modelled", "ratio", "p99 ms seen", "modelled", "ratio", "messages a frame seen", "modelled"]
    return Part(
        title="Model: sorl capacity beside the embedded service",
        tables=[Table(f"{STEADY} messages a second; a post of {post_cpu_us:.1f} µs, as measured with {CALIBRATED:,} members", columns, rows)],
        goals=[],
        runs=[{"members": members, "seen": seen[members], "modelled": told[members]} for members in MEMBERS],
        charts=[],
        notes=[
            "What the client does with a message once it is written is in what was seen and not in the model, which says "
            "more of a deployment than of one process: it leaves out the load client and the kernel between the two."
        ],
    )


def median_run(bench, members):
    """Of a few runs the one with the median p50."""
    runs = []
    for turn in range(bench.choose(2, 1)):
        bench.say(f"{members} members, turn {turn + 1}")
        with sorl(bench) as subject:
            runs.append(
                subject.load(
                    bench,
                    connections=members,
                    rate=STEADY,
                    bytes=BYTES,
                    seconds=bench.choose(8, 4),
                    warmup=bench.choose(3, 2),
                )
            )
    middle = median([run["latency"]["p50"] for run in runs])
    return min(runs, key=lambda run: abs(run["latency"]["p50"] - middle))


def model(bench, members, post_cpu_us):
    """The model's run at that size, which must not have lost a delivery either."""
    arguments = ["capacity", "--json", "--embedded", "--cores", CORES, "--audience", members]
    arguments += ["--messages-per-second", STEADY, "--arrivals", "steady", "--post-cpu-us", f"{post_cpu_us:.3f}"]
    command = [str(word) for word in [bench.binary("sorl"), *arguments]]
    run = json.loads(subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout)["cases"][0]["runs"][0]
    owed = run["messages"] * members
    if abs(run["deliveries"] - owed) > owed * 1e-6:
        raise Wrong(f"the model delivered {run['deliveries']}, expected {owed}")
    return {key: run[key] for key in ("latency_ms", "messages_per_frame", "keeps_up")}


def row(members, seen, told):
    latency, modelled = seen["latency"], told["latency_ms"]
    quantiles = [cell for q in ("p50", "p99") for cell in (latency[q], modelled[q], ratio(modelled[q], latency[q]))]
    return [f"{members:,}", *quantiles, seen["delivered"] / seen["frames"], told["messages_per_frame"]]
