"""A mass channel beside a live one: what a message every two seconds to very many members does to the latency of a few.

Sorl only. The members of the mass channel are there in both arms and only its messages are not in the other. A client
process of its own reads them, so that no live message waits in the queue of its own client. The invariant: both
processes count, and every member of either channel got everything once.
"""

import math

from embedded.subjects import BYTES, STEADY, connections_at_most, sorl
from harness import Goal, Part, Table, expect, median, ratio

NAME = "mass_beside_live"
NEEDS = {"bench", "cli"}

LIVE = 100
MASS = 18_000
# Messages a second to the mass channel. No divisor of the live channel's rate: else each would meet the same live
# message at the same distance all through a run, and the 99th of a hundred would be a matter of luck.
RATE = 0.51


def measure(bench):
    mass = connections_at_most(bench.choose(MASS, 4_000) + LIVE) // 1_000 * 1_000
    seconds = bench.choose(20, 5)
    arms = {
        "mass channel silent": lambda _turn: without(bench, mass, seconds),
        "a message every 2 s": lambda _turn: beside(bench, mass, seconds),
    }
    runs = bench.turns(f"{LIVE} live beside {mass}", arms, bench.choose(2, 1))
    p99 = {name: median([run["live"]["latency"]["p99"] for run in by_name]) for name, by_name in runs.items()}
    silent, speaking = p99.values()
    mass_runs = [run["mass"] for run in runs["a message every 2 s"]]
    rows = [
        [name, *(median([run["live"]["latency"][q] for run in by_name]) for q in ("p50", "p90", "p99", "max"))]
        for name, by_name in runs.items()
    ]
    return Part(
        title="Embedded: a mass channel beside a live one",
        tables=[
            Table(
                f"{LIVE} members, {STEADY} messages a second, from publish to receipt; {mass:,} members beside them",
                ["", "p50 ms", "p90 ms", "p99 ms", "max ms"],
                rows,
            )
        ],
        goals=[
            Goal(
                "live_p99_with_mass_channel_vs_without",
                ratio(speaking, silent),
                1.5,
                note=f"{LIVE} live members, {mass:,} in the mass channel, a message every 2 s",
            )
        ],
        runs=[runs],
        notes=[
            "Sorl's slices take 10,000 posts a second here (`posts` and `bulk_share` of sorl.toml). The mass channel's own p99, from publish to receipt: "
            f"{median([run['latency']['p99'] for run in mass_runs]):.0f} ms; slices sent: "
            f"{median([run['slices'] for run in runs['a message every 2 s']]):,.0f}."
        ],
    )


def without(bench, mass, seconds):
    """The mass channel's members only hold their connections."""
    with sorl(bench) as subject, subject.loading(bench, connections=mass, prefix="mass:", idle=True, seconds=seconds * 2):
        return {"live": live(bench, subject, seconds)}


def beside(bench, mass, seconds):
    """The mass channel's messages begin before the live ones and end after them."""
    longer = seconds + 8
    with sorl(bench) as subject:
        before = subject.metrics()
        options = {"connections": mass, "prefix": "mass:", "rate": RATE, "bytes": BYTES, "warmup": 1, "seconds": longer}
        with subject.loading(bench, **options) as run:
            report = live(bench, subject, seconds)
            mass_report = run.report()
        slices = subject.metrics().get("sorl_slices_total", 0) - before.get("sorl_slices_total", 0)
    expect("messages of the mass channel", mass_report["published"], math.ceil(longer * RATE))
    return {"live": report, "mass": mass_report, "slices": slices}


def live(bench, subject, seconds):
    return subject.load(bench, connections=LIVE, rate=STEADY, bytes=BYTES, warmup=3, seconds=seconds)
