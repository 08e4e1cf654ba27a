"""Makes a stage of three regions on the emulator, IAM enforced, and runs the tests of this folder against it.

    run.py [--only TEXT] [--keep]

Steps: emulator, `make deploy` of what `make package` built, the tests side by side, those of `alone` one by one,
the contract suite of the ports against AWS's adapters, the end of the emulator with all that is in it. `--only` runs
the tests whose names hold TEXT; `--keep` leaves the stage standing after the tests until this program is interrupted.

Not the tests themselves, and nothing that a deploy to AWS would not do as well: the emulator is an endpoint here.
On failure it says where the emulator's log is and those of the functions.
"""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "target" / "deployed"
STAGE = "e2e"
CONFIG = "tests/e2e/sorl.toml"
# The APIs whose gateways are gone for now: the tests write it, the emulator obeys (tests/emulator/outage.py).
GONE = OUT / "gone"
WRITTEN = ROOT / "target" / "deploy" / f"{STAGE}.json"
CARGO = ["cargo", "test", "--release", "--locked", "--workspace", "--test", "deployed"]
# The emulator runs every region's functions on this machine's cores.
THREADS = "4"
# Lines of the first silence's stacks: the event loop's comes last.
STACKS_SHOWN = 120


def main():
    asked = arguments()
    OUT.mkdir(parents=True, exist_ok=True)
    run("build the tests", [*CARGO, "--no-run"], os.environ)
    try:
        with emulator("emulator.log") as url:
            on_emulator(url, asked)
        if not asked.only:
            # The clauses speak as the account's root, which IAM rightly keeps off `relay`.
            with emulator("emulator-contract.log", enforced=False) as url:
                run_contract(url, os.environ | aws(url))
    except subprocess.CalledProcessError as failure:
        print(f"deployed: {failure}", file=sys.stderr)
        tell_where_the_emulator_stood()
        print(f"deployed: the emulator's log is {OUT}/emulator*.log", file=sys.stderr)
        return 1
    return 0


def on_emulator(url, asked):
    environment = os.environ | aws(url)
    try:
        run("deploy", ["make", "--no-print-directory", "deploy", f"STAGE={STAGE}", f"CONFIG={CONFIG}"], environment)
        run_tests(environment, asked.only)
    except subprocess.CalledProcessError:
        keep_logs(url)
        raise
    finally:
        if asked.keep:
            stand(url)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args()


@contextlib.contextmanager
def emulator(log, enforced=True):
    """An emulator that lives as long as the block, or as this process: its standard input is our pipe."""
    log = OUT / log
    log.write_text("")
    GONE.unlink(missing_ok=True)
    python = ROOT / ".venv" / "emulator" / "bin" / "python"
    command = [python, ROOT / "tests" / "emulator" / "launcher.py", "--log", log]
    running = subprocess.Popen(
        command, env=os.environ | {"AUTH": str(enforced).lower(), "SORL_EMULATOR_GONE": str(GONE)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        ready = running.stdout.readline()
        if not ready:
            sys.exit(f"the emulator did not start: see {log}")
        yield json.loads(ready)["url"]
    finally:
        running.stdin.close()
        running.wait(30)


def aws(url):
    """The environment in which every AWS client talks to the emulator and to nothing else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "SORL_DEPLOYED": str(WRITTEN),
        "SORL_EMULATOR_GONE": str(GONE),
        "SORL_PYTHON": str(ROOT / ".venv" / "bin" / "python"),
    }


def run(what, command, environment):
    started = time.monotonic()
    print(f"deployed: {what}", flush=True)
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    print(f"deployed: {what}: {time.monotonic() - started:.1f} s", flush=True)


def run_tests(environment, only):
    left_out = excluded()
    for name, reason in left_out.items():
        print(f"deployed: left out {name}: {reason}", flush=True)
    names = [name for name in listed(environment) if name not in left_out and only in name]
    together = [name for name in names if not name.startswith("alone::")]
    alone = [name for name in names if name.startswith("alone::")]
    if not names:
        sys.exit(f"no test has {only!r} in its name")
    if together:
        run(f"{len(together)} tests side by side", tests("--test-threads", THREADS, *together), environment)
    for name in alone:
        run(name, tests("--nocapture", name), environment)


def run_contract(url, environment):
    """The contract suite's arm over AWS: a stage that is state alone, deployed by plain osls."""
    regions = [region["region"] for region in json.loads(WRITTEN.read_text())["regions"]]
    osls = ["node", ROOT / "node_modules" / "osls" / "bin" / "serverless.js"]
    for folder in ("infra", "infra/subscriptions"):
        for region in regions:
            command = [*osls, "deploy", "--stage", "dev", "--region", region]
            quiet = {"cwd": ROOT / folder, "env": environment | {"SLS_AWS_MONITORING_FREQUENCY": "300"}}
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **quiet)
    contract = [*CARGO[:-1], "contract", "--quiet", "--", "emulator::"]
    run("contract of the adapters", contract, environment | {"SORL_EMULATOR": url, "AWS_REGION": regions[0]})


def tests(*more):
    return [*CARGO, "--quiet", "--", "--exact", *more]


def listed(environment):
    command = [*CARGO, "--quiet", "--", "--list"]
    told = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    suffix = ": test"
    return [line.removesuffix(suffix) for line in told.stdout.splitlines() if line.endswith(suffix)]


def excluded():
    """The tests that the emulator cannot carry, and why."""
    lines = (ROOT / "tests" / "deployed" / "excluded.txt").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def tell_where_the_emulator_stood():
    """A machine that is gone by the time somebody reads this leaves what it printed, and no log."""
    for log in OUT.glob("emulator*.log"):
        lines = log.read_text(errors="replace").splitlines()
        silences = [at for at, line in enumerate(lines) if line.startswith("emulator: no answer")]
        print(f"deployed: the emulator did not answer {len(silences)} times: {log.name}", file=sys.stderr)
        for at in silences[:1]:
            print("\n".join(lines[max(0, at - STACKS_SHOWN) : at + 1]), file=sys.stderr)


def keep_logs(url):
    for region in json.loads(WRITTEN.read_text())["regions"] if WRITTEN.exists() else []:
        for function in ("authorize", "connect", "disconnect", "command", "deliver", "canary"):
            file = OUT / f"{region['region']}-{function}.log"
            file.write_text(log_of(url, region["region"], f"/aws/lambda/sorl-{STAGE}-{function}"))
    print(f"deployed: the functions' logs are {OUT}/REGION-FUNCTION.log", file=sys.stderr)


def log_of(url, region, group):
    scope = f"test/20260101/{region}/logs/aws4_request"
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Logs_20140328.FilterLogEvents",
    }
    body = json.dumps({"logGroupName": group, "limit": 10000}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
            return "\n".join(event["message"] for event in json.load(answer)["events"])
    except OSError as fault:
        return f"{group}: {fault}\n"


def stand(url):
    print(f"deployed: the stage stands: {WRITTEN}, AWS_ENDPOINT_URL={url}; interrupt to end it", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
