"""The model against reality: `sorl capacity --embedded` beside a run of `sorl dev`, at sizes that both can do.

A check that what the model says of AWS stands on arithmetic that holds where it can be looked at. The model is given
what one machine's service times are (the way of a single message, and the CPU time of a post at one size and pace) and
says the latencies of three other sizes, which were fixed before any of them was measured.
"""

import json
import subprocess

from embedded.subjects import BYTES, STEADY, sorl
from harness import Goal, Part, Table, Wrong, median, ratio

NAME = "model"
NEEDS = {"bench", "cli"}

# What the model has to say by itself.
MEMBERS = (50, 250, 750)
# The size whose CPU time it is given.
CALIBRATED = 500
# The size whose latency is the way of a message: publish, acknowledgement, two processes, one socket.
ALONE = 1
# More than the machine carries beside the load client; shown, and no part of the goal.
BEYOND = 2_000
# How far a prediction of the median may be off.
WITHIN = 0.25
# The load client has a core of its own.
CORES = 1


def measure(bench):
    seen = {members: median_run(bench, members) for members in (ALONE, CALIBRATED, *MEMBERS, BEYOND)}
    calibrated = seen[CALIBRATED]
    post_cpu_us = calibrated["cpu_seconds"] / calibrated["frames"] * 1e6
    alone = model(bench, ALONE, post_cpu_us, 0.0)["latency_ms"]["p50"]
    way_ms = max(seen[ALONE]["latency"]["p50"] - alone, 0.0)
    told = {members: model(bench, members, post_cpu_us, way_ms) for members in (*MEMBERS, BEYOND)}
    off = {members: abs(ratio(told[members]["latency_ms"]["p50"], seen[members]["latency"]["p50"]) - 1) for members in MEMBERS}
    worst = max(MEMBERS, key=off.get)
    columns = ["members", "p50 ms seen", "modelled", "ratio", "p99 ms seen", "modelled", "ratio", "messages a frame seen", "modelled"]
    title = (
        f"{STEADY} messages a second; a post of {post_cpu_us:.1f} µs, as measured with {CALIBRATED} members, and a way of "
        f"{way_ms:.2f} ms, as measured with {ALONE}"
    )
    return Part(
        title="Model: sorl capacity beside the embedded service",
        tables=[Table(title, columns, [row(members, seen[members], told[members]) for members in (*MEMBERS, BEYOND)])],
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
        notes=[
            f"With {BEYOND:,} members the machine is at its end, load client and service together, and the model, which "
            "knows of one core and no client, says so by a queue that grows; its latencies mean nothing then.",
            "The 99th percentile is the scheduler's as much as the service's, and the model has no scheduler.",
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


def model(bench, members, post_cpu_us, way_ms):
    """The model's run at that size, which must not have lost a delivery either."""
    arguments = ["capacity", "--json", "--embedded", "--cores", CORES, "--audience", members]
    arguments += ["--messages-per-second", STEADY, "--arrivals", "steady", "--post-cpu-us", f"{post_cpu_us:.3f}"]
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
