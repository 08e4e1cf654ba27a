"""Steady latency: 20 messages a second, from publish until each member received and parsed, Sorl beside Socket.IO.

Not throughput. The invariant: publishing keeps its pace whatever the members do, and the clock is the client's own at
both ends.
"""

from embedded.subjects import BYTES, STEADY, in_turns
from harness import Chart, Goal, Part, Table, median, ratio

NAME = "steady"
NEEDS = {"bench", "cli", "socketio"}

# Members: p99 in milliseconds of Socket.IO on a machine of two cores that did nothing else.
KNOWN = {300: 10.4, 1_000: 18.4}
COMPARED = 300


def measure(bench):
    arms = {members: turns(bench, members) for members in KNOWN}
    at = lambda members, name, quantile: median([run["latency"][quantile] for run in arms[members][name]])
    rows = [
        [f"{members:,}, {name}", *(at(members, name, q) for q in ("p50", "p90", "p99", "p999")), cpu(arms[members][name])]
        for members in arms
        for name in arms[members]
    ]
    columns = ["members", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "CPU-s per M"]
    bars = {f"{name}: {members:,} members": at(members, name, "p99") for members in arms for name in arms[members]}
    return Part(
        title="Embedded: steady latency",
        tables=[Table(f"From publish to receipt, {STEADY} messages a second of {BYTES} bytes", columns, rows)],
        goals=[
            Goal(
                "embedded_p99_vs_socketio",
                ratio(at(COMPARED, "Sorl", "p99"), at(COMPARED, "Socket.IO", "p99")),
                0.4,
                note=f"{COMPARED} members",
            )
        ],
        runs=[{"members": members, "runs": runs} for members, runs in arms.items()],
        charts=[Chart("steady", "Embedded: 99 % of deliveries within", "milliseconds", bars=bars)],
        notes=[
            f"Socket.IO, {members:,} members: p99 {at(members, 'Socket.IO', 'p99'):.1f} ms against {known} known."
            for members, known in KNOWN.items()
        ],
    )


def turns(bench, members):
    return in_turns(
        bench,
        f"{members} members, steady",
        bench.choose(2, 1),
        connections=members,
        rate=STEADY,
        bytes=BYTES,
        seconds=bench.choose(8, 4),
        warmup=bench.choose(3, 2),
    )


def cpu(runs):
    return median([run["cpu_per_million"] for run in runs])
