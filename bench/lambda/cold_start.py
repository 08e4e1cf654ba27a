"""Cold start: from the start of the process to its first poll, what it holds then, and how large its zip is.

What comes before (fetching the zip, starting the sandbox) and after (the first connection to each service) is Lambda's
and the network's, and is not in it.
"""

from harness import Chart, Goal, Part, Table, median, ratio

from . import stage, subjects

NAME = "cold_start"
NEEDS = {"bench", "package", "node"}


def measure(bench):
    unpacked = {function: stage.unpack(bench, function) for function in stage.FUNCTIONS}
    ours = {f"Sorl {function}": subjects.Subject(f"Sorl {function}", [bootstrap]) for function, (bootstrap, _) in unpacked.items()}
    node = subjects.node(50)
    zips = {f"Sorl {function}": size for function, (_, size) in unpacked.items()}
    with stage.Stage(bench) as on:
        everybody = ours | {node.name: node}
        times = bench.choose(5, 2)
        runs = bench.turns("", {name: lambda _, subject=subject: on.starts(subject, times) for name, subject in everybody.items()}, bench.choose(6, 1))
    init = {name: median([ms for turn in each for ms in turn["init_ms"]]) for name, each in runs.items()}
    cpu = {name: median([ms for turn in each for ms in turn["cpu_ms"]]) for name, each in runs.items()}
    longest = {name: max(ms for turn in each for ms in turn["init_ms"]) for name, each in runs.items()}
    held = {name: median([rss for turn in each for rss in turn["rss"]]) for name, each in runs.items()}
    slowest = max(ours, key=init.get)
    rows = [[name, init[name], cpu[name], longest[name], held[name] / 2**20, f"{zips[name] / 2**20:.2f}" if name in zips else "runtime's own, and node_modules"] for name in everybody]
    return Part(
        title="Cold start",
        tables=[Table("From the start of the process to its first poll", ["function", "init ms, median", "CPU ms", "longest", "resident MiB", "zip MiB"], rows)],
        goals=[Goal("init_ms_vs_node", ratio(init[slowest], init[node.name]), 0.05, note=f"the slowest of the five, {slowest}: {init[slowest]:.1f} ms against {init[node.name]:.0f} ms; deliver {init['Sorl deliver']:.1f} ms")],
        runs=[turn | {"function": name} for name, each in runs.items() for turn in each],
        charts=[Chart("cold-start", "From start to first poll", "ms, median", bars=init, logarithmic=True)],
    )
