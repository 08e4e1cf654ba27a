"""A stage on the stub: the stub's process, and subjects that poll it as Lambda's processes do.

Not a subject's own work (`subjects.py`). The invariant: a run's figures are given out only after its counts were
checked: everybody got each message exactly once, everybody who is gone was closed and forgotten, nothing failed.
"""

import dataclasses
import pathlib
import shutil
import sys
import zipfile

from harness import ROOT, Process, expect

sys.path.append(str(ROOT / "tests" / "deployed"))
import cold_start

CONFIG = pathlib.Path(__file__).parent / "sorl.toml"
FUNCTIONS = ("authorize", "connect", "disconnect", "command", "deliver")
# The variables of the deployed tests' cold starts; what differs on the stub is set by `Stage.environment`.
SETTINGS = cold_start.SETTINGS | {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    # Lambda's credentials always have a session token, of about this length.
    "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2VjE" + "A" * 700,
    "AWS_LAMBDA_FUNCTION_NAME": "sorl-dev-deliver",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    # The stub hands out one batch at a time.
    "SORL_BULK_CONCURRENCY": "1",
}


@dataclasses.dataclass
class Run:
    """What one run of a scenario came to: the stub's counts, the subject's CPU seconds and peak memory."""

    counts: dict
    cpu: float
    peak_rss: int

    @property
    def us_per_post(self):
        """CPU-seconds per million posts, which is microseconds a post."""
        return self.cpu / self.counts["posts"] * 1e6

    @property
    def seconds(self):
        return self.counts["busy_ms"] / 1e3

    @property
    def posts_per_second(self):
        return self.counts["posts"] / self.seconds

    def record(self, **what):
        counts = {key: value for key, value in self.counts.items() if key != "invocation_ms"}
        return what | {"cpu_s": round(self.cpu, 6), "peak_rss": self.peak_rss} | counts


class Stage:
    """The stub, running, and the subjects on it."""

    def __init__(self, bench):
        self.bench = bench
        self.stub = Process("stub", [bench.binary("stub"), bench.folder])
        where = self.stub.hear()
        self.api, self.tls_port, self.authority = f"127.0.0.1:{where['port']}", where["tls_port"], where["authority"]

    def environment(self, tls):
        gateway = f"https://localhost:{self.tls_port}/dev" if tls else f"http://{self.api}/dev"
        trust = {"SSL_CERT_FILE": self.authority, "NODE_EXTRA_CA_CERTS": self.authority}
        on_stub = {"AWS_LAMBDA_RUNTIME_API": self.api, "AWS_ENDPOINT_URL": f"http://{self.api}", "SORL_GATEWAY": gateway}
        return SETTINGS | on_stub | trust

    def start(self, subject, tls=False):
        return Process(subject.name, subject.command, self.environment(tls) | subject.environment).drain()

    def run(self, process, scenario):
        """Runs a scenario on the one subject that polls, and checks its counts."""
        before = process.cpu()
        self.stub.tell({"order": "run"} | scenario)
        try:
            counts = self.stub.hear(within=600, about=process)
        except Exception:
            raise process.fault("did not finish its run") from None
        run = Run(counts, process.cpu() - before, process.peak_rss())
        check(process.name, counts, scenario)
        return run

    def starts(self, subject, times):
        """Milliseconds from start to first poll and bytes held then, of each of several starts."""
        environment = {name: str(value) for name, value in (self.environment(False) | subject.environment).items()}
        command = [str(part) for part in subject.command]
        self.stub.tell({"order": "starts", "command": command, "environment": environment, "times": times})
        return self.stub.hear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stub.stop()


def check(name, counts, scenario):
    """Each connection got each message of its channel exactly once; whoever is gone was closed and forgotten."""
    messages = scenario["records"] * scenario["invocations"]
    members, gone = scenario["members"], scenario.get("gone", 0)
    expect(f"{name}, messages", counts["messages"], messages)
    for never in ("missing", "repeated", "strangers", "byes", "errors", "failed_records", "dead_letters", "unknown"):
        expect(f"{name}, {never}", counts[never], 0)
    reachable = members * (100 - gone) // 100
    expect(f"{name}, deliveries", counts["deliveries"], messages * reachable)
    expect(f"{name}, rows of the log", counts["logged"], messages)
    expect(f"{name}, gone but not closed and forgotten", counts["unclosed"], 0)
    if not gone and not scenario.get("throttled"):
        expect(f"{name}, posts refused", counts["gone"] + counts["throttled"], 0)


def unpack(bench, function):
    """The packaged Lambda, as Lambda would lay it out, with the benchmark's configuration; and its zip's bytes."""
    artifact = bench.root / "target" / "lambda" / f"{function}.zip"
    folder = bench.folder / function
    if not folder.exists():
        with zipfile.ZipFile(artifact) as archive:
            archive.extractall(folder)
        (folder / "bootstrap").chmod(0o755)
        shutil.copy(CONFIG, folder)
    return folder / "bootstrap", artifact.stat().st_size
