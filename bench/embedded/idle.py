"""Memory of idle connections: 10,000 that hold their place in a channel, Sorl beside Socket.IO.

Not the memory of a server that was busy. The invariant: what is divided is the resident memory of all server processes
with the connections less that of the same processes before the first one.
"""

from embedded.subjects import connections_at_most, in_turns
from harness import Chart, Goal, Part, Table, median, ratio

NAME = "idle"
NEEDS = {"bench", "cli", "socketio"}

KIB = 1024
MIB = 1024 * KIB
CONNECTIONS = 10_000
# KiB of a socket of Socket.IO.
KNOWN = 41


def measure(bench):
    connections = connections_at_most(bench.choose(CONNECTIONS, 2_000))
    # Some seconds, so that a garbage collector has its chance.
    runs = in_turns(bench, f"{connections} idle", bench.choose(3, 1), connections=connections, idle=True, seconds=10)
    per_connection = {
        name: median([(run["resident_idle"] - run["resident_before"]) / connections for run in by_name])
        for name, by_name in runs.items()
    }
    rows = [
        [
            name,
            median([run["resident_before"] for run in by_name]) / MIB,
            median([run["resident_idle"] for run in by_name]) / MIB,
            per_connection[name] / KIB,
        ]
        for name, by_name in runs.items()
    ]
    columns = ["", "MiB without connections", f"MiB with {connections:,}", "KiB a connection"]
    bars = {name: value / KIB for name, value in per_connection.items()}
    return Part(
        title="Embedded: idle connections",
        tables=[Table("Resident memory of all server processes", columns, rows)],
        goals=[
            Goal(
                "embedded_bytes_per_idle_connection_vs_socketio",
                ratio(per_connection["Sorl"], per_connection["Socket.IO"]),
                0.25,
                note=f"{connections:,} connections",
            )
        ],
        runs=[runs],
        charts=[Chart("idle", "Embedded: memory of an idle connection", "KiB", bars=bars)],
        notes=[f"Socket.IO: {per_connection['Socket.IO'] / KIB:.1f} KiB a connection against {KNOWN} known."],
    )
