"""A mass channel: one message to 100,000 connections, through slices, as many invocations as it takes.

The stub hands slices out one invocation after the other, in batches of ten as the template does. Deployed they run
side by side; what is shown here is that the work grows with the audience and not faster.
"""

from harness import Goal, Part, Table, median, ratio

from . import subjects
from .fan_out import SCENARIO
from .stage import Stage

NAME = "mass_channel"
NEEDS = {"bench", "package"}

SMALL, MASS = 1_000, 100_000
# How much dearer a post to 1,000 may be than one of the fan-out, which shares an invocation among ten channels.
SMALL_MAX = 1.1


def measure(bench):
    ours = subjects.deliver(bench)
    scenarios = {
        "fan-out, 10 × 1,000": SCENARIO | {"invocations": bench.choose(10, 2)},
        "1,000": {"channels": 1, "members": SMALL, "records": 1, "invocations": bench.choose(100, 10)},
        "100,000": {"channels": 1, "members": MASS, "records": 1, "invocations": 1},
    }
    with Stage(bench) as stage, stage.start(ours) as process:
        stage.run(process, SCENARIO | {"invocations": 2})
        runs = bench.turns("", {name: lambda _, scenario=scenario: stage.run(process, scenario) for name, scenario in scenarios.items()}, bench.choose(5, 1))
    time = {name: median(run.seconds / run.counts["posts"] for run in each) * 1e6 for name, each in runs.items()}
    cpu = {name: median(run.us_per_post for run in each) for name, each in runs.items()}
    fan_out, small, mass = scenarios
    over, small_over = ratio(time[mass], time[small]), ratio(time[small], time[fan_out])
    last = {name: each[-1].counts for name, each in runs.items()}
    rows = [
        [name, time[name], cpu[name], last[name]["slices"], last[name]["invocations"], median(run.peak_rss for run in runs[name]) / 2**20]
        for name in scenarios
    ]
    return Part(
        title="A mass channel: 100,000 connections",
        tables=[Table("Time from hand-out to answer, all invocations of a message added up", ["audience", "µs a post", "CPU µs a post", "slices", "invocations", "peak MiB so far"], rows)],
        goals=[
            Goal(
                "mass_channel_time_vs_linear", over, 1.2, also=small_over <= SMALL_MAX,
                note=f"1,000 against the fan-out {small_over:.2f} (≤ {SMALL_MAX}); by CPU {cpu[mass] / cpu[small]:.2f} and {cpu[small] / cpu[fan_out]:.2f}",
            )
        ],
        runs=[run.record(audience=name) for name, each in runs.items() for run in each],
    )
