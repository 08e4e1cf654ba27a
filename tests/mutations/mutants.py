"""cargo-mutants on core: every small change that it knows to make, and which of the fast tests sees it.

    mutants.py [--file GLOB] [--missed] [--seeds N] [--jobs N] [--scratch FOLDER] [--results FILE]

To build anew for each of more than a thousand changes takes a day. So all of them are woven into one build (`weave`),
and a test program is told which is in force: core's own tests first, then, about what those miss, the fixtures and
handlers, then some seeds of the simulation. What cannot be woven in (most of that is no Rust: a `Default` that does
not exist) is named `unwoven`. The results are lines `what became of it, TAB, the change`, sorted; with `--file`
others' lines stay as they are.

Not the mutations that break a promise by design: those are the patches, `run.py`. The invariant: a change counts as
caught only if a suite passes without it and fails, or hangs, with it.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys

from tree import ROOT, Tree
from weave import SWITCH, Source, change_at

CORE = "crates/sorl-core/src/"
# Name, package, its test program, what it is told, and after how many seconds it hangs.
SUITES = [
    ("unit", "sorl-core", "sorl_core", [], 60),
    ("fixtures", "sorl-tests", "fixtures", [], 60),
    ("handlers", "sorl-tests", "handlers", [], 120),
    ("simulation", "sorl-tests", "sim", ["--exact", "promises_hold_under_faults"], 600),
]
BUILD = ["cargo", "test", "--offline", "--no-run", "--message-format=json", "-p", "sorl-core", "-p", "sorl-tests", "--lib"]
BUILD += [word for _, package, program, _, _ in SUITES if package == "sorl-tests" for word in ("--test", program)]
ROUNDS = 40


def main():
    asked = arguments()
    tree = Tree(asked.scratch.resolve())
    tree.environment |= {"SORL_SIM_SEEDS": str(asked.seeds), "SORL_SIM_THREADS": "1"}
    # What is woven there already is not built again.
    tree.refresh(but=CORE)
    changes = known(asked.file)
    still_there = {change["name"] for change in (known(None) if asked.file else changes)}
    kept = {name: found for name, found in read(asked.results).items() if name in still_there}
    results, programs = build(tree, changes, {name for name, found in kept.items() if found == "unwoven"})
    suites = SUITES if asked.seeds else SUITES[:-1]
    for suite in suites:
        if ask(tree, programs, suite, 0):
            sys.exit(f"{suite[0]}: fails before anything is changed")
    woven = [change for change in changes if change["name"] not in results]
    if asked.missed:
        woven = [change for change in woven if kept.get(change["name"], "missed") == "missed"]
    # Some tests wait for a moment, and several programs wait as well as one.
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        judged = pool.map(lambda change: judge(tree, programs, suites, change["number"]), woven)
        for change, found in zip(woven, judged):
            results[change["name"]] = found
            keep(asked.results, kept | results)
            tell(f"{found}: {change['name']}")
    results = {change["name"]: (kept | results).get(change["name"]) for change in changes}
    counted = collections.Counter(results.values())
    seen = len(changes) - counted["missed"] - counted["unwoven"]
    print(f"{seen} of {seen + counted['missed']} changes were seen: {dict(counted)}")
    for change in (change for change in results if results[change] == "missed"):
        print(f"  missed: {change}")


def known(file):
    """The changes that cargo-mutants would make, numbered."""
    command = ["cargo", "mutants", "--list", "--json", "--package", "sorl-core", *(["--file", file] if file else [])]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    changes = json.loads(listed.stdout)
    for number, change in enumerate(changes, 1):
        change["number"] = number
    return changes


def build(tree, changes, left_out):
    """Which changes are not woven in, those `left_out` among them, and the test programs with all others."""
    by_file = collections.defaultdict(list)
    for change in changes:
        by_file[change["file"]].append(change)
    sources = {file: Source((ROOT / file).read_text(), theirs) for file, theirs in by_file.items()}
    unwoven = {change["number"] for change in changes if change["name"] in left_out}
    for _ in range(ROUNDS):
        places = weave(tree, sources, unwoven)
        placed = {place.change for theirs in places.values() for place in theirs}
        unwoven |= {change["number"] for change in changes} - placed
        built = tree.run(BUILD, 3_600)
        messages = [json.loads(line) for line in built.stdout.splitlines() if line.startswith("{")]
        if built.returncode == 0:
            programs = {message["target"]["name"]: message["executable"] for message in messages if message.get("executable")}
            return {change["name"]: "unwoven" for change in changes if change["number"] in unwoven}, programs
        faulty = {number for message in messages for number in blamed(message, sources, places)} - unwoven
        if not faulty:
            sys.exit(f"what is woven does not compile, and no change is to blame:\n{built.stderr[-3000:]}")
        tell(f"{len(faulty)} changes cannot be woven in; once more without them")
        unwoven |= faulty
    sys.exit("what is woven still does not compile")


def weave(tree, sources, unwoven):
    """Writes core with all other changes woven in; where each of them stands, by file."""
    places = {}
    for path in sorted((ROOT / CORE).rglob("*.rs")):
        file = str(path.relative_to(ROOT))
        text, places[file] = sources[file].woven(unwoven) if file in sources else (path.read_text(), [])
        text += SWITCH if file == f"{CORE}lib.rs" else ""
        copy = tree.folder / file
        if not copy.exists() or copy.read_text() != text:
            copy.write_text(text)
    return places


def blamed(message, sources, places):
    """The changes that an error of the compiler is about: the one it stands in, else all of that function."""
    report = message.get("message") or {}
    if message.get("reason") != "compiler-message" or report.get("level") != "error":
        return set()
    numbers = set()
    for span in (span for span in report["spans"] if span["is_primary"] and span["file_name"] in places):
        number = change_at(places[span["file_name"]], span["line_start"])
        numbers |= {number} if number else neighbours(sources, places, span)
    # A constant cannot call what asks for the switch.
    for name in re.findall(r"cannot call non-const [^`]*`(?:[^`]*::)?(\w+)(?:::<.*>)?`", report["message"]):
        functions = (changes for source in sources.values() for changes in source.functions.values())
        numbers |= {
            change["number"] for changes in functions for change in changes
            if re.search(rf"\b{name}$", change["function"]["function_name"])
        }
    return numbers


def neighbours(sources, places, span):
    """All changes of the woven function that a line stands in, which belongs to none of them: its original body."""
    before = [place for place in places[span["file_name"]] if place.last < span["line_start"]]
    if not before:
        return set()
    functions = sources[span["file_name"]].functions.values()
    return next(
        {change["number"] for change in changes} for changes in functions
        if any(change["number"] == before[-1].change for change in changes)
    )


def judge(tree, programs, suites, number):
    for suite in suites:
        if outcome := ask(tree, programs, suite, number):
            return f"{outcome} {suite[0]}"
    return "missed"


def ask(tree, programs, suite, number):
    """What a suite makes of a change: nothing, if it passes."""
    _, package, program, told, seconds = suite
    folder = tree.folder / ("crates/sorl-core" if package == "sorl-core" else "tests")
    ran = tree.run([programs[program], *told], seconds, folder, SORL_MUTANT=str(number))
    if ran is None:
        return "hangs"
    return "caught" if ran.returncode else None


def read(file):
    lines = file.read_text().splitlines() if file and file.exists() else []
    return dict(line.split("\t")[::-1] for line in lines)


def keep(file, results):
    """One line a change, sorted, so that two runs differ where what they found does."""
    if file:
        file.write_text("".join(f"{results[change]}\t{change}\n" for change in sorted(results)))


def tell(line):
    print(f"mutants: {line}", file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", metavar="GLOB", help="the files to change, e.g. 'crates/sorl-core/src/deliver/**'")
    parser.add_argument("--missed", action="store_true", help="only those that FILE says were missed, or does not know")
    parser.add_argument("--seeds", type=int, default=40, help="seeds of the simulation (40; 0: it is not asked)")
    parser.add_argument("--jobs", type=int, default=4, help="changes that are tried side by side (4)")
    parser.add_argument("--scratch", type=pathlib.Path, default=ROOT / "target" / "mutants", metavar="FOLDER")
    parser.add_argument("--results", type=pathlib.Path, metavar="FILE", help="where to keep what was found")
    return parser.parse_args()


if __name__ == "__main__":
    main()
