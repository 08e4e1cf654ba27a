"""Growth: what the size of an audience, and the number of channels, does to time and memory of the embedded service.

Sorl only, its slices unpaced. One message in flight, so that its time is its own; then many channels of one member each, 32 in flight. The
invariant: the slope is fitted to all sizes, and a size that departs from the line is shown, not dropped.
"""

from embedded.subjects import BYTES, sorl
from harness import Chart, Part, Table, median

NAME = "growth_embedded"
NEEDS = {"bench", "cli"}

AUDIENCES = (10, 100, 1_000, 10_000)
CHANNELS = (1, 10, 100, 1_000, 10_000)
IN_FLIGHT = 32
KIB = 1024


def measure(bench):
    rounds = bench.choose(2, 1)
    audiences = sweep(bench, "audience", {size: {"connections": size, "in_flight": 1} for size in AUDIENCES}, rounds)
    many = {size: {"connections": size, "channels": size, "in_flight": IN_FLIGHT} for size in CHANNELS}
    channels = sweep(bench, "channels", many, rounds)
    time_of = {size: median([run["seconds"] / run["published"] * 1e3 for run in runs]) for size, runs in audiences.items()}
    cpu_of = {size: median([run["cpu_seconds"] / run["published"] * 1e6 for run in runs]) for size, runs in channels.items()}
    return Part(
        title="Embedded: growth",
        tables=[
            Table(
                "A message to an audience of so many, one in flight",
                ["members", "ms from publish to the last receipt", "CPU-s per M deliveries", "MiB more than before them"],
                [[size, time_of[size], cpu(audiences[size]), more(audiences[size])] for size in AUDIENCES],
                note=f"Slope: {slope(time_of) * 1e3:.2f} µs a member.",
            ),
            Table(
                f"Messages to so many channels of one member each in turns, {IN_FLIGHT} in flight",
                ["channels", "CPU µs a message", "messages/s", "MiB more than before them"],
                [[size, cpu_of[size], rate(channels[size]), more(channels[size])] for size in CHANNELS],
                note=f"Slope of the memory: {slope({size: more(channels[size]) for size in CHANNELS}) * KIB:.1f} KiB a "
                "channel with its member.",
            ),
        ],
        runs=[{"audiences": audiences, "channels": channels}],
        charts=[
            Chart(
                "growth_embedded",
                "Embedded: time of one message by the size of its audience",
                "milliseconds to the last receipt",
                lines={"Sorl, embedded": list(time_of.items())},
                x_label="members",
                logarithmic=True,
            )
        ],
    )


def sweep(bench, what, sizes, rounds):
    def fresh(options):
        def run(_turn):
            with sorl(bench, "unpaced.toml") as subject:
                seconds = bench.choose(3, 2)
                return subject.load(bench, **options, bytes=BYTES, warmup=1, seconds=seconds)

        return run

    return bench.turns(what, {size: fresh(options) for size, options in sizes.items()}, rounds)


def cpu(runs):
    return median([run["cpu_per_million"] for run in runs])


def rate(runs):
    return median([run["published"] / run["seconds"] for run in runs])


def more(runs):
    """MiB that the server holds at the end beyond what it held before the first connection."""
    return median([(run["resident_after"] - run["resident_before"]) / KIB**2 for run in runs])


def slope(points):
    """Least squares through all points, each weighted by its relative error as sizes span decades."""
    weights = {x: 1 / max(y, 1e-9) ** 2 for x, y in points.items()}
    total = sum(weights.values())
    mean_x = sum(weights[x] * x for x in points) / total
    mean_y = sum(weights[x] * y for x, y in points.items()) / total
    over = sum(weights[x] * (x - mean_x) * (y - mean_y) for x, y in points.items())
    return over / sum(weights[x] * (x - mean_x) ** 2 for x in points)
