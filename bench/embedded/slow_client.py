"""Slow clients: what 1 % of members that do not read costs the others.

Sorl only. The messages are so large that a member that does not read fills the kernel's buffers and then its own at
the gateway within seconds. The invariant: a run in which nobody was throttled has shown nothing and is void.
"""

from embedded.subjects import STEADY, sorl
from harness import Goal, Part, Table, Wrong, median, ratio

NAME = "slow_client"
NEEDS = {"bench", "cli"}

READING = 297
SLOW = 3
# Three quarters of a frame: some 0.5 MB a second for each member.
BYTES = 24 * 1024


def measure(bench):
    seconds = bench.choose(12, 10)
    arms = {
        "everybody reads": lambda _turn: run(bench, 0, seconds),
        "1 % do not read": lambda _turn: run(bench, SLOW, seconds),
    }
    runs = bench.turns(f"{SLOW} of {READING + SLOW} do not read", arms, bench.choose(2, 1))
    if not all(turn["throttled"] for turn in runs["1 % do not read"]):
        raise Wrong("a member that does not read never filled its buffer")
    at = lambda name, quantile: median([turn["latency"][quantile] for turn in runs[name]])
    rows = [
        [
            name,
            *(at(name, quantile) for quantile in ("p50", "p90", "p99", "max")),
            median([turn["throttled"] for turn in runs[name]]),
            median([turn["closed_slow"] for turn in runs[name]]),
        ]
        for name in runs
    ]
    columns = ["", "p50 ms", "p90 ms", "p99 ms", "max ms", "posts answered 429", "closed as slow"]
    return Part(
        title="Embedded: clients that do not read",
        tables=[Table(f"The others, {READING} members, {STEADY} messages a second of {BYTES // 1024} KB", columns, rows)],
        goals=[
            Goal(
                "slow_client_p99_vs_none",
                ratio(at("1 % do not read", "p99"), at("everybody reads", "p99")),
                1.2,
                note=f"{SLOW} of {READING + SLOW} do not read",
            )
        ],
        runs=[runs],
    )


def run(bench, slow, seconds):
    with sorl(bench) as subject:
        options = {"connections": READING + slow, "unread": slow, "rate": STEADY, "bytes": BYTES}
        report = subject.load(bench, **options, warmup=3, seconds=seconds)
        after = subject.metrics()
    counted = {name: after.get(f"sorl_{name}_total", 0) for name in ("throttled", "closed_slow")}
    return report | counted
