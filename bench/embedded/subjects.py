"""Sorl and Socket.IO as subjects of the load client, each started afresh for every run.

Not what is measured (the parts beside this file). The invariant: all processes of a subject are counted, Redis
included, and both get the same connections, the same data and the same client.
"""

import contextlib
import dataclasses
import resource
import socket
import time
import urllib.request

from harness import Process, Wrong, expect

# Messages a second, in channels that are to be steady.
STEADY = 20
# The length of a message's data.
BYTES = 200
# What is left of the descriptors for all that is no connection.
DESCRIPTORS_SPARE = 500


@dataclasses.dataclass
class Subject:
    """Running servers: how the load client reaches them, and whose CPU time and memory count."""

    dialect: str
    servers: list
    processes: list

    def load(self, bench, **options):
        """One run of the load client against this subject."""
        with self.loading(bench, **options) as run:
            return run.report()

    @contextlib.contextmanager
    def loading(self, bench, **options):
        """A run of the load client; within, all its connections are open."""
        arguments = ["--dialect", self.dialect]
        arguments += [word for server in self.servers for word in ("--server", server)]
        arguments += [word for process in self.processes for word in ("--pid", process.pid)]
        for name, value in options.items():
            arguments += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
        with Process("load", [bench.binary("load"), *arguments]) as process:
            expect("the load client's connections", process.hear(300), {"event": "open"})
            yield Run(process, options)

    def metrics(self):
        """Sorl's counters, summed over their labels but for the bounds of histograms."""
        with urllib.request.urlopen(f"http://{self.servers[0]}/metrics", timeout=10) as answer:
            lines = [line for line in answer.read().decode().splitlines() if line and not line.startswith("#")]
        sums = {}
        for line in lines:
            name, value = line.rsplit(" ", 1)
            name = name.split("{")[0]
            sums[name] = sums.get(name, 0.0) + float(value)
        return sums


@dataclasses.dataclass
class Run:
    """A run of the load client under way."""

    process: object
    options: dict

    def report(self):
        """Its report, checked: what was published came to every member once, and that is all that came."""
        report = self.process.hear(float(self.options.get("seconds", 10)) + 300)
        if "published" in report:
            members = self.options["connections"] - self.options.get("unread", 0)
            per_message = members / self.options.get("channels", 1)
            expect("deliveries", report["delivered"], round(report["published"] * per_message))
            report["cpu_per_million"] = report["cpu_seconds"] / report["delivered"] * 1e6
        return report | {"options": {name: str(value) for name, value in self.options.items()}}


@contextlib.contextmanager
def sorl(bench, config="sorl.toml"):
    """`sorl dev`: one region, nothing on disk, warnings logged."""
    arguments = ["dev", "--port", 0, "--json", "--config", bench.root / "bench" / "embedded" / config]
    with Process("Sorl", [bench.binary("sorl"), *arguments], {"RUST_LOG": "warn"}) as process:
        url = process.hear()["url"]
        yield Subject("sorl", [url.removeprefix("http://")], [process])


@contextlib.contextmanager
def socketio(bench):
    """Two Socket.IO servers and the Redis between them, which keeps nothing on disk."""
    port = free_port()
    store = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", bench.folder]
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(Process("Redis", ["redis-server", *store])).drain()
        wait_for(port)
        command = ["node", bench.root / "bench" / "embedded" / "socketio" / "server.mjs"]
        environment = {"REDIS_PORT": port, "NODE_ENV": "production"}
        servers = [stack.enter_context(Process("Socket.IO", command, environment)) for _ in range(2)]
        addresses = [f"127.0.0.1:{server.hear()['port']}" for server in servers]
        yield Subject("socketio", addresses, [redis, *servers])


SUBJECTS = {"Sorl": sorl, "Socket.IO": socketio}


def in_turns(bench, what, rounds, subjects=SUBJECTS, **options):
    """The same load on each subject in turns, each run on servers of its own."""

    def fresh(start):
        def run(_turn):
            with start(bench) as subject:
                return subject.load(bench, **options)

        return run

    return bench.turns(what, {name: fresh(start) for name, start in subjects.items()}, rounds)


def connections_at_most(wanted):
    """So many connections, or as many as a process may hold here."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, (hard - DESCRIPTORS_SPARE) // 1_000 * 1_000)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port, within=10):
    end = time.monotonic() + within
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise Wrong(f"nobody listens at port {port}")
