"""How many bytes of log each Lambda writes an invocation: counted from the logs that `make deployed` leaves.

Not a test: what `sorl cost` takes as given (`crates/sorl-cli/src/cost/standing.rs`) is read off this. Lambda's own lines
are the emulator's, which are as long as AWS's but for the figures in them; AWS meters 26 bytes more a line only for
what it keeps.
"""

import json
import pathlib
import sys

FUNCTIONS = ("authorize", "connect", "disconnect", "command", "deliver")
HEAD = ("function", "invocations", "Lambda's", "metrics", "Sorl's", "together")


def kind(line):
    """Whose line it is."""
    try:
        fields = json.loads(line)
    except ValueError:
        return "Lambda's"
    return "metrics" if "_aws" in fields else "Sorl's"


def count(folder, function):
    """A function's invocations in all regions, and the bytes of each kind of line."""
    invocations, totals = 0, dict.fromkeys(HEAD[2:5], 0)
    for file in folder.glob(f"*-{function}.log"):
        for line in file.read_bytes().splitlines(keepends=True):
            invocations += line.startswith(b"START ")
            totals[kind(line)] += len(line)
    return invocations, totals


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "target/deployed")
    rows = [HEAD]
    for function in FUNCTIONS:
        invocations, totals = count(folder, function)
        if not invocations:
            sys.exit(f"{folder} has no log of {function}: run `make deployed` first")
        each = [total / invocations for total in totals.values()]
        rows.append((function, f"{invocations:,}", *(f"{bytes_:.0f}" for bytes_ in (*each, sum(each)))))
    for row in rows:
        print("".join(f"{cell:>13}" for cell in row))


if __name__ == "__main__":
    main()
