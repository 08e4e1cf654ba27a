"""What every part of the benchmark stands on: processes and their CPU time, turns, counts that must be right, records.

Not what is measured (`lambda/`, `embedded/`), not the order of the parts (`run.py`), not the drawing (`charts.py`).
The invariant: a run with a wrong count ends here, with an error; no figure of it is ever shown.

A part is a Python module of one of the two folders:

    NAME = "fan_out"                       # as in `make bench ONLY=fan_out`
    NEEDS = {"bench", "package"}           # what run.py builds or fetches first, see run.py
    def measure(bench): return Part(...)
"""

import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
# As many lines of a process's log as help to see why it failed.
LOG_LINES = 40


class Wrong(Exception):
    """A count that is off, or a process that did not do what it was told: the run is void."""


def expect(name, seen, wanted):
    """Ends the run unless `seen` is exactly `wanted`."""
    if seen != wanted:
        raise Wrong(f"{name}: saw {seen}, expected {wanted}")


def median(values):
    return statistics.median(values)


def ratio(over, under):
    return over / under if under else float("inf")


class Process:
    """A subject or a peer: told things and telling things by JSON lines, its CPU time and memory as the kernel counts
    them.

    The CPU time is that of all its threads, user and system, those that ended included, in nanoseconds (the clock of
    the process, which `clock_gettime` reads). Children count only if they are asked for themselves.
    """

    def __init__(self, name, args, environment=None, folder=None):
        self.name = name
        # Nothing is inherited but what finds programs: the caller's AWS settings have no say here.
        inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        self.child = subprocess.Popen(
            [str(arg) for arg in args],
            env=inherited | {key: str(value) for key, value in (environment or {}).items()},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = collections.deque(maxlen=LOG_LINES)
        threading.Thread(target=self._keep_log, daemon=True).start()

    def _keep_log(self):
        with contextlib.suppress(ValueError):
            for line in self.child.stderr:
                self.log.append(line.rstrip())

    @property
    def pid(self):
        return self.child.pid

    def drain(self):
        """For a process that is not listened to: its output goes to the log, so that it never blocks on a full pipe."""

        def keep():
            with contextlib.suppress(ValueError):
                for line in self.child.stdout:
                    self.log.append(line.rstrip())

        threading.Thread(target=keep, daemon=True).start()
        return self

    def tell(self, order):
        try:
            self.child.stdin.write(json.dumps(order) + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise self.fault("does not listen") from None

    def hear(self, within=120, about=None):
        """The next line as JSON. A process that says nothing for so long is ended, and one that waits for another that ended."""
        heard = threading.Event()

        def watch():
            ends_at = time.monotonic() + within
            while time.monotonic() < ends_at and (about is None or about.is_running()):
                if heard.wait(0.5):
                    return
            self.child.kill()

        threading.Thread(target=watch, daemon=True).start()
        try:
            line = self.child.stdout.readline()
        finally:
            heard.set()
        if not line:
            raise self.fault(f"said nothing within {within} s, or ended")
        return json.loads(line)

    def fault(self, what):
        time.sleep(0.2)  # Its last words are on their way.
        return Wrong("\n  ".join([f"{self.name} {what}; its log ends:", *self.log]))

    def cpu(self):
        """Seconds of CPU so far."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def rss(self):
        """Bytes resident now."""
        return self._status("VmRSS")

    def peak_rss(self):
        """The most bytes that were ever resident."""
        return self._status("VmHWM")

    def _status(self, field):
        lines = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))

    def is_running(self):
        return self.child.poll() is None

    def stop(self):
        if self.is_running():
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout, self.child.stderr):
            with contextlib.suppress(OSError, ValueError):
                pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


@dataclasses.dataclass
class Goal:
    """A ratio that was to be reached: at least (`least`) or at most `wanted`."""

    key: str
    value: float
    wanted: float
    least: bool = False
    note: str = ""
    # Whatever else must hold for the goal to be reached.
    also: bool = True

    @property
    def met(self):
        return self.also and (self.value >= self.wanted if self.least else self.value <= self.wanted)

    def record(self):
        bound = f"{'>=' if self.least else '<='} {self.wanted}"
        return {"value": round(self.value, 4), "goal": bound, "met": self.met} | ({"note": self.note} if self.note else {})


@dataclasses.dataclass
class Table:
    """Rows as they are printed: the cells are texts or numbers, the first column names the row."""

    title: str
    columns: list
    rows: list
    note: str = ""


@dataclasses.dataclass
class Chart:
    """Either bars (one series of `label: value`) or lines (`name: [(x, y), …]`), drawn by charts.py."""

    file: str
    title: str
    y_label: str
    bars: dict | None = None
    lines: dict | None = None
    x_label: str = ""
    logarithmic: bool = False


@dataclasses.dataclass
class Part:
    """What a part found: tables for readers, goals, every raw run, charts, and sentences on how to read it."""

    title: str
    tables: list = dataclasses.field(default_factory=list)
    goals: list = dataclasses.field(default_factory=list)
    runs: list = dataclasses.field(default_factory=list)
    charts: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)


class Bench:
    """One run of the benchmark: where things are, how long it may take, and how far it is."""

    def __init__(self, quick, results):
        self.quick = quick
        self.results = results
        self.root = ROOT
        self.begun = time.monotonic()
        self.part = ""
        self._folder = tempfile.TemporaryDirectory(prefix="sorl-bench-")
        self.folder = pathlib.Path(self._folder.name)

    def binary(self, name, profile="release"):
        """A program of the workspace as cargo built it."""
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        return target / profile / name

    def say(self, text):
        """Progress, on standard error: one line that is written over on a terminal, a line each elsewhere."""
        line = f"[{time.monotonic() - self.begun:6.0f} s] {self.part}: {text}"
        if sys.stderr.isatty():
            print(f"\r\x1b[2K{line[:150]}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def choose(self, full, quick):
        return quick if self.quick else full

    def turns(self, what, subjects, rounds):
        """Measures all subjects in turns, A B A B, so that what disturbs the machine disturbs them alike.

        `subjects` is `{name: function of the turn's number}`; the answer `{name: [what it returned, …]}`.
        """
        runs = {name: [] for name in subjects}
        for turn in range(rounds):
            for name, measure in subjects.items():
                self.say(f"{what}, turn {turn + 1} of {rounds}, {name}")
                runs[name].append(measure(turn))
        return runs
