"""One subject alone on the stub, to develop and to profile by: no turns, no report.

    alone.py [--binary FILE] [--tls] [--latency MS] [--invocations N] [--gone %] [--throttled %]
             [--channels N] [--members N] [--records N] [--repeat N] [--profile "perf record -g -o FILE -p"]

Without --binary it is the packaged deliver of target/lambda/deliver.zip. --profile is a command that is given the
subject's pid after the warm-up and interrupted at the end. Counts are checked as in the benchmark.
"""

import argparse
import importlib
import pathlib
import shlex
import shutil
import signal
import subprocess

from harness import ROOT, Bench

stage = importlib.import_module("lambda.stage")
subjects = importlib.import_module("lambda.subjects")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--profile")
    parser.add_argument("--repeat", type=int, default=3)
    for name, default in {"latency": 0, "gone": 0, "throttled": 0, "channels": 10, "members": 1000, "records": 10, "invocations": 10}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    scenario = {name: getattr(asked, name) for name in ("channels", "members", "records", "invocations", "gone", "throttled")}
    scenario["latency_ms"] = asked.latency
    bench = Bench(quick=True, results=None)
    with stage.Stage(bench) as on, on.start(subject(bench, asked.binary), asked.tls) as process:
        on.run(process, scenario | {"invocations": 1})
        print(f"pid {process.pid}, warm")
        profiler = subprocess.Popen(shlex.split(asked.profile) + [str(process.pid)]) if asked.profile else None
        for _ in range(asked.repeat):
            run = on.run(process, scenario)
            print(
                f"{run.us_per_post:8.2f} CPU us a post, {run.counts['deliveries'] / run.cpu:12,.0f} messages a CPU-s, "
                f"{run.posts_per_second:9,.0f} posts/s, peak {run.peak_rss / 2**20:.1f} MiB"
            )
        if profiler:
            profiler.send_signal(signal.SIGINT)
            profiler.wait()
        print({key: value for key, value in run.counts.items() if key != "invocation_ms"})


def subject(bench, binary):
    if binary is None:
        return subjects.deliver(bench)
    # The configuration lies beside the executable, as in the package.
    copied = bench.folder / "bootstrap"
    shutil.copy(binary, copied)
    shutil.copy(ROOT / "sorl.toml", bench.folder / "sorl.toml")
    return subjects.Subject(binary.name, [copied])


if __name__ == "__main__":
    main()
