"""Coalescing: a channel of 1,000 connections gets batches of 1, 10 and 100 records; one frame carries a whole batch."""

from harness import Chart, Goal, Part, Table, median, ratio

from . import subjects
from .stage import Stage

NAME = "coalescing"
NEEDS = {"bench", "package"}

BATCHES = (1, 10, 100)
MEMBERS = 1000


def measure(bench):
    ours = subjects.deliver(bench)
    invocations = bench.choose(40, 4)
    with Stage(bench) as stage, stage.start(ours) as process:

        def batch(records):
            scenario = {"channels": 1, "members": MEMBERS, "records": records, "invocations": invocations}
            return lambda _: stage.run(process, scenario)

        batch(10)(0)
        runs = bench.turns("batches", {records: batch(records) for records in BATCHES}, bench.choose(5, 1))
    rate = {records: median(run.counts["deliveries"] / run.cpu for run in each) for records, each in runs.items()}
    frames = {records: each[-1].counts for records, each in runs.items()}
    rows = [
        [f"{records} records", rate[records], rate[records] / rate[1], counts["deliveries"] / counts["posts"], counts["bytes"] / counts["posts"]]
        for records, counts in frames.items()
    ]
    return Part(
        title="Coalescing: messages that share a frame",
        tables=[Table("One channel of 1,000 connections", ["batch", "messages a CPU-second", "against 1", "messages a post", "bytes a post"], rows)],
        goals=[Goal("coalesced_messages_per_cpu_vs_single", ratio(rate[10], rate[1]), 8, least=True, note=f"batch of 100: {rate[100] / rate[1]:.0f}")],
        runs=[run.record(batch=records) for records, each in runs.items() for run in each],
        charts=[Chart("coalescing", "Messages delivered a CPU-second, by batch", "messages a CPU-second", bars={f"Sorl, batch of {records}": rate[records] for records in BATCHES})],
    )
