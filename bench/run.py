"""`make bench`: builds, fetches, measures every part, and writes what was found.

    run.py            ONLY="fan_out growth" runs some parts; QUICK=1 is a short version, to develop by.

Not the measuring (`lambda/`, `embedded/`). The invariant: `bench/results/` is always of one whole run; what a part or
a short version finds goes to `target/bench/`. A part that fails ends the run, and then nothing is written.
"""

import importlib
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import charts
import report
from harness import ROOT, Bench, Wrong

FOLDERS = ("lambda", "embedded")
CARGO = ["cargo", "build", "--locked"]
# What a part may need, and how it comes to be; in this order.
NEEDS = {
    "bench": [CARGO + ["--release", "-p", "sorl-bench"]],
    "cli": [CARGO + ["--release", "-p", "sorl-cli"]],
    "peers": [CARGO + ["--profile", "peer", "-p", "sorl-bench-peers"]],
    "package": [["make", "--no-print-directory", "package"]],
    "node": [
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefix", "bench/lambda/node"],
        ["npm", "run", "--silent", "--prefix", "bench/lambda/node", "bundle"],
    ],
    "socketio": [
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefix", "bench/embedded/socketio"],
        ["bash", "bench/embedded/install-redis.sh"],
    ],
}


def main():
    only, quick = os.environ.get("ONLY", "").split(), bool(os.environ.get("QUICK"))
    parts = find(only)
    whole = not only and not quick
    results = HERE / "results" if whole else ROOT / "target" / "bench"
    results.mkdir(parents=True, exist_ok=True)
    prepare(parts)
    bench = Bench(quick, results)
    found = {}
    for part in parts:
        bench.part = part.NAME
        bench.say("begins")
        try:
            found[part.NAME] = part.measure(bench)
        except Wrong as wrong:
            sys.exit(f"\n{part.NAME} is void, nothing was written: {wrong}")
        bench.say("done")
    print(file=sys.stderr)
    write(found, results, circumstances(bench, quick))


def find(only):
    """The parts of both folders, in the order of their files; or some of them by name."""
    files = [file for folder in FOLDERS for file in sorted((HERE / folder).glob("*.py"))]
    modules = [importlib.import_module(f"{file.parent.name}.{file.stem}") for file in files]
    parts = [module for module in modules if hasattr(module, "NAME")]
    names = [part.NAME for part in parts]
    strangers = [name for name in only if name not in names]
    if strangers:
        sys.exit(f"no such part: {' '.join(strangers)}; there are {' '.join(names)}")
    return [part for part in parts if not only or part.NAME in only]


def prepare(parts):
    needed = set().union(*(part.NEEDS for part in parts))
    for need, commands in NEEDS.items():
        for command in commands if need in needed else []:
            print("+ " + " ".join(command), file=sys.stderr, flush=True)
            if subprocess.run(command, cwd=ROOT).returncode != 0:
                sys.exit(f"could not prepare {need}")


def circumstances(bench, quick):
    """What the figures depend on besides the code."""
    said = lambda *command: subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": said("git", "rev-parse", "--short", "HEAD"),
        "cores": os.cpu_count(),
        "cpu": cpu,
        "kernel": platform.release(),
        "node": said("node", "--version"),
        "rustc": said("rustc", "--version"),
        "load_at_end": round(os.getloadavg()[0], 2),
        "minutes": round((time.monotonic() - bench.begun) / 60, 1),
        "quick": quick,
    }


def write(found, results, where):
    drawings = [chart for part in found.values() for chart in part.charts]
    drawn = charts.draw(drawings, results)
    if len(drawn) < len(drawings):
        print("no charts: matplotlib is missing (make bench installs it)", file=sys.stderr)
    record = {
        "goals": {goal.key: goal.record() for part in found.values() for goal in part.goals},
        "circumstances": where,
        "runs": {name: part.runs for name, part in found.items()},
    }
    (results / "latest.json").write_text(json.dumps(record, indent=1) + "\n")
    text = report.markdown(found, where, drawn)
    (results / "latest.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
