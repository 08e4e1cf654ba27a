"""cargo-mutants on core: every small change that it knows to make, and whether the fast tests see it.

    mutants.py [--file GLOB] [--shard K/N] [--scratch FOLDER] [-- MORE OPTIONS OF cargo mutants]

Which changes are made and which tests are asked stands in `.cargo/mutants.toml`: core's unit tests, the fixtures and
the handlers, and not the simulation, which takes minutes a change. Works on a copy of the tree, in place, so that
what was built for one change is there for the next. What cargo-mutants found stays in FOLDER/mutants.out.

Not the mutations that break a promise by design: those are the patches, `run.py`.
"""

import argparse
import pathlib
import subprocess
import sys

from tree import ROOT, WITHOUT_AWS, Tree


def main():
    asked = arguments()
    scratch = asked.scratch.resolve()
    # The client is only the simulation's.
    tree = Tree(scratch, without=f"{WITHOUT_AWS}|sorl-client")
    tree.refresh()
    command = ["cargo", "mutants", "--package", "sorl-core", "--in-place", "--no-shuffle", "--output", str(scratch)]
    command += ["--file", asked.file] if asked.file else []
    command += ["--shard", asked.shard, "--sharding", "round-robin"] if asked.shard else []
    return subprocess.run([*command, *asked.more], cwd=tree.folder, env=tree.environment, check=False).returncode


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", metavar="GLOB", help="the files to change, e.g. 'crates/sorl-core/src/deliver/**'")
    parser.add_argument("--shard", metavar="K/N", help="the K-th (from 0) of N equal samples")
    parser.add_argument("--scratch", type=pathlib.Path, default=ROOT / "target" / "mutants", metavar="FOLDER")
    parser.add_argument("more", nargs="*", help="options of `cargo mutants`, after --")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
