"""The model against reality: `sorl capacity --embedded` beside a run of `sorl dev`, at sizes that both can do.

A check that what the model says of AWS stands on arithmetic that holds where it can be looked at. The model is given
what one machine's service times are, from two runs (the way of a single message, and the time of a post at one size and
pace), and says the latencies of three other sizes, which were fixed before any of them was measured. All sizes are
measured in turns, so that what else goes on on the machine disturbs them alike.
"""

import json
import subprocess

from embedded.subjects import BYTES, STEADY, sorl
from harness import Goal, Part, Table, Wrong, median, ratio

NAME = "model"
NEEDS = {"bench", "cli"}

# What the model has to say by itself.
MEMBERS = (50, 250, 750)
# The size that says how long a post takes here, where the load client reads on the same two cores.
CALIBRATED = 500
# The size whose latency is the way of a message: publish, acknowledgement, two processes, one socket.
ALONE = 1
# How far a prediction of the median may be off.
WITHIN = 0.25
# Posts of one message are written one after the other.
CORES = 1


def measure(bench):
    seen = {members: middle(runs) for members, runs in measured(bench).items()}
    post_us, way_ms = calibrated(bench, seen)
    cpu_us = seen[CALIBRATED]["cpu_seconds"] / seen[CALIBRATED]["frames"] * 1e6
    told = {members: model(bench, members, post_us, way_ms) for members in MEMBERS}
    off = {members: abs(ratio(told[members]["latency_ms"]["p50"], seen[members]["latency"]["p50"]) - 1) for members in MEMBERS}
    worst = max(MEMBERS, key=off.get)
    columns = ["members", "p50 ms seen", "modelled", "ratio", "p99 ms seen", "modelled", "ratio", "messages a frame seen", "modelled"]
    title = (
        f"{STEADY} messages a second; a post in {post_us:.1f} µs ({cpu_us:.1f} of them CPU), as measured with {CALIBRATED} members, "
        f"and a way of {way_ms:.2f} ms, as measured with {ALONE}"
    )
    return Part(
        title="Model: sorl capacity beside the embedded service",
        tables=[Table(title, columns, [row(members, seen[members], told[members]) for members in MEMBERS])],
        goals=[
            Goal(
                "model_p50_off_by",
                off[worst],
                WITHIN,
                note=f"the worst of {', '.join(f'{members:,}' for members in MEMBERS)} members, with {worst:,}",
            )
        ],
        runs=[{"members": members, "seen": seen[members], "modelled": told.get(members)} for members in seen],
        charts=[],
        notes=["The 99th percentile is the scheduler's as much as the service's, and the model has no scheduler."],
    )


def measured(bench):
    """The runs of each size, in turns, each on a service of its own."""

    def of(members):
        def run(_turn):
            seconds, warmup = bench.choose(8, 4), bench.choose(3, 2)
            with sorl(bench) as subject:
                return subject.load(bench, connections=members, rate=STEADY, bytes=BYTES, seconds=seconds, warmup=warmup)

        return run

    return bench.turns("model", {members: of(members) for members in (ALONE, CALIBRATED, *MEMBERS)}, bench.choose(3, 1))


def middle(runs):
    """Of a few runs the one with the median p50."""
    at = median([run["latency"]["p50"] for run in runs])
    return min(runs, key=lambda run: abs(run["latency"]["p50"] - at))


def calibrated(bench, seen):
    """The time of a post in µs, and the way of a message in ms, with which the model says what those two runs showed.

    Elapsed time and not CPU time: a post waits for a core that the client of the run before is reading on, and for the
    kernel in between. Of one size, which is none of those that the model is asked for.
    """
    alone, many = seen[ALONE]["latency"]["p50"], seen[CALIBRATED]["latency"]["p50"]
    post_us = seen[CALIBRATED]["cpu_seconds"] / seen[CALIBRATED]["frames"] * 1e6
    way_ms = 0.0
    # The median grows with both, nearly in proportion, so a few rounds suffice.
    for _ in range(4):
        way_ms = max(alone - model(bench, ALONE, post_us, 0.0)["latency_ms"]["p50"], 0.0)
        own_ms = model(bench, CALIBRATED, post_us, 0.0)["latency_ms"]["p50"]
        post_us *= max((many - way_ms) / own_ms, 0.1)
    return post_us, way_ms


def model(bench, members, post_us, way_ms):
    """The model's run at that size, which must not have lost a delivery either."""
    arguments = ["capacity", "--json", "--embedded", "--cores", CORES, "--audience", members]
    arguments += ["--messages-per-second", STEADY, "--arrivals", "steady", "--post-cpu-us", f"{post_us:.3f}"]
    arguments += ["--accept-ms", f"{way_ms:.3f}"]
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
