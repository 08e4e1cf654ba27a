"""Saturation: deliveries a CPU second, Sorl beside Socket.IO, as fast as the members take them.

Not latency: with 32 messages in flight all the time, a message waits for those before it. The invariant: a message is
in flight until every member has received and parsed it, so neither side can run ahead of its clients.
"""

from embedded.floor import write_cost
from embedded.subjects import BYTES, in_turns
from harness import Chart, Goal, Part, Table, median, ratio

NAME = "saturation"
NEEDS = {"bench", "cli", "socketio"}

# (members, messages in flight): CPU seconds per million deliveries of Socket.IO 4.8.4 with two servers and Redis, as
# measured on a machine of two cores that did nothing else.
KNOWN = {(300, 32): 4.15, (1_000, 32): 4.88, (300, 1): 6.96, (1_000, 1): 7.33}
COMPARED = (1_000, 32)


def measure(bench):
    arms = {arm: turns(bench, *arm) for arm in KNOWN}
    costs = {arm: {name: cost(runs) for name, runs in by_name.items()} for arm, by_name in arms.items()}
    compared = costs[COMPARED]
    floor = median([write_cost(BYTES) for _ in range(5)])
    return Part(
        title="Embedded: saturation",
        tables=[table(arms, costs)],
        goals=[
            Goal(
                "embedded_deliveries_per_cpu_vs_socketio",
                ratio(compared["Socket.IO"], compared["Sorl"]),
                4.0,
                least=True,
                note=f"{coalescing(arms[COMPARED]['Sorl']):.1f} messages a frame of Sorl, 1 of Socket.IO",
            )
        ],
        runs=[{"write_cost": floor}]
        + [{"members": arm[0], "in_flight": arm[1], "runs": runs} for arm, runs in arms.items()],
        charts=[chart(costs)],
        notes=[
            *(deviation(arm, costs[arm]["Socket.IO"], known) for arm, known in KNOWN.items()),
            f"A bare write of {BYTES} bytes to a loopback connection costs {floor:.2f} CPU-s per M here, and Socket.IO makes "
            "one for each delivery. Where that is more than the known figure of a whole delivery, the machine is the "
            "reason for the deviation; without coalescing nothing that writes to a socket gets below it.",
        ],
    )


def turns(bench, members, in_flight):
    what = f"{members} members, {in_flight} in flight"
    return in_turns(
        bench,
        what,
        bench.choose(2, 1),
        connections=members,
        in_flight=in_flight,
        bytes=BYTES,
        seconds=bench.choose(6, 3),
        warmup=bench.choose(3, 2),
    )


def cost(runs):
    """CPU seconds per million deliveries."""
    return median([run["cpu_per_million"] for run in runs])


def coalescing(runs):
    return median([run["delivered"] / run["frames"] for run in runs])


def table(arms, costs):
    columns = ["members, in flight", "Sorl, CPU-s per M", "Socket.IO", "ratio", "messages a frame", "Sorl, deliveries/s", "Socket.IO"]
    rate = lambda runs: median([run["delivered"] / run["seconds"] for run in runs])
    rows = [
        [
            f"{members:,}, {in_flight}",
            cost["Sorl"],
            cost["Socket.IO"],
            ratio(cost["Socket.IO"], cost["Sorl"]),
            coalescing(arms[members, in_flight]["Sorl"]),
            rate(arms[members, in_flight]["Sorl"]),
            rate(arms[members, in_flight]["Socket.IO"]),
        ]
        for (members, in_flight), cost in costs.items()
    ]
    note = "Client and servers share the cores, so deliveries a second say less than CPU seconds."
    return Table("CPU seconds of all server processes per million messages received and parsed", columns, rows, note)


def chart(costs):
    bars = {
        f"{name}: {members:,} members, {in_flight} in flight": cost
        for (members, in_flight), by_name in costs.items()
        for name, cost in by_name.items()
    }
    return Chart("saturation", "Embedded: what a million deliveries cost", "CPU seconds per million deliveries", bars=bars)


def deviation(arm, seen, known):
    """What the peer's figure is against the known one: a ratio to a peer that is slower here flatters."""
    members, in_flight = arm
    return (
        f"Socket.IO, {members:,} members, {in_flight} in flight: {seen:.2f} CPU-s per M against {known:.2f} known "
        f"({(seen / known - 1) * 100:+.0f} %)."
    )
