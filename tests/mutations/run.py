"""Breaks the service in one place after another and says which test saw it.

    run.py [--only TEXT] [--json] [--seeds N] [--jobs N] [--scratch FOLDER]

Each `NAME.patch` of this folder is one fault. Those that only change bodies of functions stand together in one build,
each behind a switch (`together.py`); the others are applied alone to a copy of the tree. The suites run in the order of
what they cost (SUITES) and stop at the first that fails. A suite must pass before anything is broken, else its
failure would prove nothing. Rows of a table go to standard output, progress to standard error. The exit code is 0
only if every mutation was seen.

Not the flaws of whole ports: those are `tests/sim/mutations`, run with the simulation. The invariant: a mutation
counts as seen only if a test of a program that was built failed or hung; one that does not apply or does not compile
is a fault of the mutation, and fails the run.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import sys

from together import Woven
from tree import ROOT, Tree

FOLDER = pathlib.Path(__file__).resolve().parent
BUILD_SECONDS = 1_800
JS_TESTS = "cursor handover history membership order protocol publish recovery scenarios seen turn wake".split()
SEED = re.compile(r"\bseed (\d+) broke")
HEADING = re.compile(r"Breaks: (?P<breaks>.+)\nPromise: (?P<promise>.+)\n")


class Suite:
    """Some tests, how to build and how to run them, and how long that may take."""

    def __init__(self, name, build, run, seconds, failed):
        self.name, self.build, self.run, self.seconds, self.failed = name, build, run, seconds, failed


def cargo(name, selection, *arguments, seconds=600):
    command = ["cargo", "test", "--offline", *selection.split()]
    failed = re.compile(r"^test (\S+) \.\.\. FAILED", re.MULTILINE)
    return Suite(name, [*command, "--no-run"], [*command, "--no-fail-fast", "--", *arguments], seconds, failed)


def node(name, tests):
    files = [f"clients/js/test/{test}.test.js" for test in tests]
    present = [file for file in files if (ROOT / file).exists()]
    failed = re.compile(r"^\s*not ok \d+ - (.+)", re.MULTILINE)
    return Suite(name, None, ["node", "--test", "--test-reporter=tap", *present], 600, failed)


CORE = cargo("unit tests of core", "-p sorl-core --lib")
CLIENT = cargo("unit tests and scenarios of the client", "-p sorl-client --lib")
LOCAL = cargo("unit tests of the embedded adapters", "-p sorl-local --lib")
KEYS = cargo("unit tests of the cache of keys", "-p sorl-jwks --lib")
AWS = cargo("recorded answers of AWS", "-p sorl-aws --lib --test recorded --test events")
HANDLERS = cargo("fixtures and handlers", "-p sorl-tests --test fixtures --test handlers")
# The ports' flaws are not asked for here, and what a seed traces is no promise.
SIM = cargo("simulation", "-p sorl-tests --test sim", "--skip", "mutations_are_seen", "--skip", "same_trace", seconds=1_800)
JS = node("tests and scenarios of the JavaScript client", JS_TESTS)

SUITES = {
    "crates/sorl-core/": [CORE, HANDLERS, SIM],
    "crates/sorl-client/": [CLIENT, SIM],
    "crates/sorl-local/": [LOCAL, HANDLERS, SIM],
    "crates/sorl-jwks/": [KEYS],
    "crates/sorl-aws/": [AWS],
    "clients/js/": [JS],
}


class Mutation:
    """One patch: its name, what it breaks, which promise that is, and which files it changes."""

    def __init__(self, path):
        text = path.read_text()
        heading = HEADING.match(text)
        if not heading:
            sys.exit(f"{path.name}: begins with neither `Breaks: …` nor `Promise: …`; see README.md")
        self.name, self.path = path.stem, path
        self.breaks, self.promise = heading["breaks"], heading["promise"]
        self.files = re.findall(r"^\+\+\+ b/(\S+)", text, re.MULTILINE)

    def suites(self):
        roots = [root for root in SUITES if any(file.startswith(root) for file in self.files)]
        if not roots:
            sys.exit(f"{self.name}: no suite is known for {self.files}; see SUITES")
        return list(dict.fromkeys(suite for root in roots for suite in SUITES[root]))

    def told(self, outcome, by):
        return {"name": self.name, "breaks": self.breaks, "promise": self.promise, "outcome": outcome, "by": by}


def main():
    asked = arguments()
    mutations = [Mutation(path) for path in sorted(FOLDER.glob("*.patch")) if asked.only in path.stem]
    if not mutations:
        sys.exit(f"no mutation has {asked.only!r} in its name")
    tree = Tree(asked.scratch.resolve())
    tree.environment["SORL_SIM_SEEDS"] = str(asked.seeds)
    tree.refresh()
    found = []
    for outcome in outcomes(tree, mutations, asked.jobs):
        found.append(outcome)
        tell(f"{len(found)} of {len(mutations)}, {outcome['name']}: {outcome['outcome']}: {outcome['by']}")
        if not asked.json:
            print(f"| `{outcome['name']}` | {outcome['breaks']} | {outcome['promise']} | {outcome['by']} |", flush=True)
    if asked.json:
        print(json.dumps(found, indent=2))
    unseen = [outcome["name"] for outcome in found if outcome["outcome"] != "seen"]
    tell(f"{len(found) - len(unseen)} of {len(found)} mutations were seen" + (f"; not: {', '.join(unseen)}" if unseen else ""))
    return 1 if unseen else 0


def outcomes(tree, mutations, jobs):
    """What comes of each: first of those that one build serves, some at a time, then of the others, one by one."""
    woven = Woven(tree, mutations, BUILD_SECONDS)
    suites = dict.fromkeys(suite for mutation in woven.numbers for suite in mutation.suites())
    if fault := woven.build(suites):
        sys.exit(f"what is woven does not compile, and no mutation is to blame:\n{fault}")
    tell(f"{len(woven.numbers)} of {len(mutations)} stand in one build")
    see_that_all_is_well(tree, suites)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda mutation: try_switched(tree, mutation, woven.numbers[mutation]), woven.numbers)
    alone = [mutation for mutation in mutations if mutation not in woven.numbers]
    tree.refresh()
    see_that_all_is_well(tree, dict.fromkeys(suite for mutation in alone for suite in mutation.suites()))
    for mutation in alone:
        yield try_alone(tree, mutation)


def judge(tree, suite, **environment):
    """None if the suite passes, else a triple: whether a test failed (as opposed to the build), what to say, and all
    that was said."""
    if suite.build:
        built = tree.run(suite.build, BUILD_SECONDS)
        if built is None or built.returncode:
            return False, "does not compile" if built else "is not compiled in time", built and built.stderr
    ran = tree.run(suite.run, suite.seconds, **environment)
    if ran is None:
        return True, f"{suite.name}: hangs", ""
    if ran.returncode == 0:
        return None
    failed, seed = suite.failed.findall(ran.stdout), SEED.search(ran.stdout)
    if not failed:
        return True, f"{suite.name}: ended with {ran.returncode}", ran.stdout
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return True, f"`{failed[0]}`{more}{f', seed {seed[1]}' if seed else ''}", ran.stdout


def see_that_all_is_well(tree, suites):
    for suite in suites:
        tell(f"unbroken: {suite.name}")
        if outcome := judge(tree, suite):
            sys.exit(f"{suite.name} fails before anything is broken: {outcome[1]}\n{outcome[2] or ''}")


def try_switched(tree, mutation, number):
    """What comes of a mutation that is woven in."""
    return try_out(tree, mutation, SORL_MUTANT=str(number))


def try_alone(tree, mutation):
    """What comes of a mutation that is built for itself."""
    applied = tree.run(["git", "apply", str(mutation.path)], 60)
    if applied is None or applied.returncode:
        return mutation.told("faulty", "does not apply")
    try:
        return try_out(tree, mutation)
    finally:
        for file in mutation.files:
            tree.restore(file)


def try_out(tree, mutation, **environment):
    for suite in mutation.suites():
        if outcome := judge(tree, suite, **environment):
            seen, by, output = outcome
            if not seen:
                tell(output or by)
            return mutation.told("seen" if seen else "faulty", by)
    return mutation.told("survived", "**nobody**")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="the mutations whose names hold TEXT")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of rows of a table")
    parser.add_argument("--seeds", type=int, default=200, help="seeds of the simulation (200)")
    parser.add_argument("--jobs", type=int, default=2, help="mutations of one build that are tried side by side (2)")
    parser.add_argument("--scratch", type=pathlib.Path, default=ROOT / "target" / "mutations", metavar="FOLDER")
    return parser.parse_args()


def tell(line):
    print(f"mutations: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
