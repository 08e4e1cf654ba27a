"""Memory of idle connections, each in a channel: 1,000 and 10,000 of them, Sorl beside Socket.IO.

Not the memory of a server that was busy. The invariant: what is divided is the resident memory of all server processes
with the connections less that of the same processes before the first one.
"""

from embedded.subjects import connections_at_most, in_turns
from harness import Chart, Goal, Part, Table, median, ratio

NAME = "idle"
NEEDS = {"bench", "cli", "socketio"}

KIB = 1024
MIB = 1024 * KIB
FEW, MANY = 1_000, 10_000
# KiB of a socket of Socket.IO, as measured with about a thousand.
KNOWN = 41


def measure(bench):
    sizes = [FEW, connections_at_most(MANY)]
    arms = {size: turns(bench, size) for size in sizes}
    each = {size: {name: per_connection(size, runs) for name, runs in arms[size].items()} for size in sizes}
    rows = [
        [
            f"{size:,}, {name}",
            median([run["resident_before"] for run in runs]) / MIB,
            median([run["resident_idle"] for run in runs]) / MIB,
            each[size][name] / KIB,
        ]
        for size in sizes
        for name, runs in arms[size].items()
    ]
    # What each of the many takes beyond the few: what is there once, such as a heap that has grown, left out.
    names = arms[FEW]
    further = {name: (each[sizes[1]][name] * sizes[1] - each[FEW][name] * FEW) / (sizes[1] - FEW) for name in names}
    rows += [[f"each beyond {FEW:,}, {name}", "", "", further[name] / KIB] for name in names]
    bars = {f"{name}: {size:,} connections": each[size][name] / KIB for size in sizes for name in each[size]}
    few, many = (ratio(each[size]["Sorl"], each[size]["Socket.IO"]) for size in sizes)
    return Part(
        title="Embedded: idle connections",
        tables=[Table("Resident memory of all server processes", ["connections", "MiB without", "MiB with", "KiB each"], rows)],
        goals=[
            Goal(
                "embedded_bytes_per_idle_connection_vs_socketio",
                many,
                0.25,
                note=f"{sizes[1]:,} connections; {few:.2f} with {FEW:,}",
            )
        ],
        runs=[{"connections": size, "runs": runs} for size, runs in arms.items()],
        charts=[Chart("idle", "Embedded: memory of an idle connection", "KiB", bars=bars)],
        notes=[
            f"Socket.IO: {each[FEW]['Socket.IO'] / KIB:.1f} KiB a connection against {KNOWN} known, with {FEW:,}. Much of it is "
            "V8's heap growing once, whoever connects; with more connections each has less of that."
        ],
    )


def turns(bench, connections):
    # Some seconds of rest, so that a garbage collector has its chance.
    what = f"{connections} idle"
    return in_turns(bench, what, bench.choose(2, 1), connections=connections, idle=True, seconds=bench.choose(5, 3))


def per_connection(connections, runs):
    """Bytes, the median of the turns."""
    return median([(run["resident_idle"] - run["resident_before"]) / connections for run in runs])
