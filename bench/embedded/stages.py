"""The whole path by stage: where a message's time goes between its publisher and its members.

Sorl only, at a steady pace. The client tells when the publish was acknowledged and when it was received; the server's
own histogram tells how long the record took from its acceptance until its posts were answered. What a member still
waits for after that is the difference of means, which overlap: the first members receive while the last are posted.
The invariant: means of the same messages, never percentiles added up.
"""

from embedded.subjects import BYTES, STEADY, sorl
from harness import Part, Table, expect, median

NAME = "stages"
NEEDS = {"bench", "cli"}

MEMBERS = 300


def measure(bench):
    ways = {"WebSocket": {}, "SNS": {"sns": True}}
    arms = {way: lambda _turn, options=options: run(bench, options) for way, options in ways.items()}
    runs = bench.turns(f"{MEMBERS} members, by stage", arms, bench.choose(2, 1))
    of = lambda way, stage: median([turn["stages"][stage] for turn in runs[way]])
    rows = [[stage, *(of(way, stage) for way in ways)] for stage in runs["WebSocket"][0]["stages"]]
    return Part(
        title="Embedded: latency by stage",
        tables=[
            Table(
                f"Means in milliseconds, {MEMBERS} members, {STEADY} messages a second, published by",
                ["from publish until", *ways],
                rows,
            )
        ],
        runs=[runs],
    )


def run(bench, options):
    with sorl(bench) as subject:
        report = subject.load(bench, connections=MEMBERS, rate=STEADY, bytes=BYTES, seconds=bench.choose(8, 4), **options)
        after = subject.metrics()
    # The histogram counts the warm-up too, whose messages are alike.
    posted = after["sorl_delivery_seconds_sum"] / after["sorl_delivery_seconds_count"] * 1e3
    expect("dead letters", after.get("sorl_dead_letters_total", 0), 0)
    stages = {
        "acknowledged, at the publisher": report["acknowledged"]["mean"],
        "received, mean over members": report["latency"]["mean"],
        "received, 99 % of members": report["latency"]["p99"],
        "(from acceptance until every post was answered)": posted,
    }
    return report | {"stages": stages}
