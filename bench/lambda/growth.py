"""Growth: the work and the memory of one delivery, by the size of the audience and by the number of channels."""

import math

from harness import Chart, Part, Table, median

from . import subjects
from .stage import Stage

NAME = "growth"
NEEDS = {"bench", "package"}

AUDIENCES = (10, 100, 1_000, 10_000, 100_000)
CHANNELS = (1, 10, 100, 1_000, 10_000)
# Records of a batch where there are many channels: an event source with a batch window.
BATCH = 100
# As many posts of a size as make its CPU time certain.
POSTS = 20_000


def measure(bench):
    posts, rounds = bench.choose(POSTS, 2_000), bench.choose(2, 1)
    sizes = {f"{members:,} members": audience(members, posts) for members in AUDIENCES}
    sizes |= {f"{channels:,} channels": spread(channels, posts) for channels in CHANNELS}
    with Stage(bench) as stage:
        measures = {name: lambda _, scenario=scenario: alone(bench, stage, scenario) for name, scenario in sizes.items()}
        runs = bench.turns("", measures, rounds)
    found = {name: [median(figure) for figure in zip(*(figures(run, sizes[name]) for run in each))] for name, each in runs.items()}
    by_members = [(members, *found[f"{members:,} members"]) for members in AUDIENCES]
    by_channels = [(channels, *found[f"{channels:,} channels"]) for channels in CHANNELS]
    return Part(
        title="Growth",
        tables=[
            Table("One message, by audience", ["members", "CPU ms", "ms", "CPU µs a member", "peak MiB"], [row(*each) for each in by_members], slope(by_members, "member")),
            Table(f"One message to each channel of one member, batches of {BATCH}", ["channels", "CPU ms", "ms", "CPU µs a channel", "peak MiB"], [row(*each) for each in by_channels], slope(by_channels, "channel")),
        ],
        runs=[run.record(size=name) for name, each in runs.items() for run in each],
        charts=[
            Chart("growth-time", "CPU time of a delivery", "CPU ms", lines={"Sorl, one channel, by members": [(size, cpu) for size, cpu, *_ in by_members], "channels of one member": [(size, cpu) for size, cpu, *_ in by_channels]}, x_label="connections", logarithmic=True),
            Chart("growth-memory", "Peak memory of the process", "MiB", lines={"Sorl, one channel, by members": [(size, rss) for size, _, _, rss in by_members], "channels of one member": [(size, rss) for size, _, _, rss in by_channels]}, x_label="connections", logarithmic=True),
        ],
    )


def audience(members, posts):
    return {"channels": 1, "members": members, "records": 1, "invocations": min(1_000, max(1, posts // members))}


def spread(channels, posts):
    records = min(channels, BATCH)
    return {"channels": channels, "members": 1, "records": records, "invocations": max(channels, posts // 10) // records}


def alone(bench, stage, scenario):
    """In a fresh process, so that its peak is this size's."""
    with stage.start(subjects.deliver(bench)) as process:
        stage.run(process, {"channels": 1, "members": 100, "records": 1, "invocations": 20})
        return stage.run(process, scenario)


def figures(run, scenario):
    """Of one message to everybody: CPU ms, ms, peak MiB."""
    rounds = scenario["records"] * scenario["invocations"] / scenario["channels"]
    return run.cpu * 1e3 / rounds, run.seconds * 1e3 / rounds, run.peak_rss / 2**20


def row(size, cpu, time, rss):
    return [f"{size:,}", cpu, time, cpu * 1e3 / size, rss]


def slope(points, what):
    """How the time grows, from a hundred on: its power of the size, and what one more costs."""
    (low, few), (high, many) = [(size, cpu) for size, cpu, *_ in points[2:]][0], [(size, cpu) for size, cpu, *_ in points][-1]
    power = math.log(many / few) / math.log(high / low)
    memory = (points[-1][3] - points[2][3]) * 1024 / (high - low)
    return (
        f"From {low:,} to {high:,} the CPU time grows with the power {power:.2f} of the size (1 is linear): "
        f"{(many - few) * 1e3 / (high - low):.1f} µs for one more {what}, and {memory:.3f} KiB of peak memory."
    )
