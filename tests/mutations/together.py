"""Weaves all patches that change nothing but bodies of functions into one build, each behind a switch.

A patched function becomes

    { if crate::mutant::is(3) { its body as patch 3 has it } else … { its body } }

so that one build serves them all, and the environment says which is in force (SORL_MUTANT=3). Not the judging
(`run.py`), nor what cargo-mutants changes (`weave.py`). The invariant: with no switch thrown, the copy does what the
repository does; a patch that touches anything else, or does not compile so, is left to be tried alone.
"""

import collections
import json
import re

from tree import ROOT
from weave import SWITCH, TOKEN, Place, change_at

ROUNDS = 10
FUNCTION = re.compile(r"\bfn\s+\w+")

Body = collections.namedtuple("Body", "first last")


class Woven:
    """The patches that are woven into a copy, each with its number from 1."""

    def __init__(self, tree, mutations, build_seconds):
        self.tree, self.seconds, self.files = tree, build_seconds, {}
        known = ((mutation, patched(tree, mutation)) for mutation in mutations if is_rust(mutation))
        self.changed = {mutation: files for mutation, files in known if files}
        self.numbers = {mutation: number for number, mutation in enumerate(self.changed, 1)}

    def build(self, suites):
        """Leaves out what does not compile; says what of the rest did not, or nothing."""
        for _ in range(ROUNDS):
            self.write()
            faulty, told = set(), None
            for suite in suites:
                built = self.tree.run([*suite.build, "--message-format=json"], self.seconds)
                if built is None or built.returncode:
                    messages = [json.loads(line) for line in built.stdout.splitlines() if line[:1] == "{"] if built else []
                    faulty |= {mutation for message in messages for mutation in self.blamed(message)}
                    told = built.stderr if built else "is not built in time"
                    break
            if not told:
                return None
            if not faulty:
                return told
            self.numbers = {mutation: at for mutation, at in self.numbers.items() if mutation not in faulty}
        return "still does not compile"

    def write(self):
        """Every file that was ever woven, with what is woven now."""
        names = {name for files in self.changed.values() for name in files}
        self.files = {name: self.woven(name) for name in names}
        for library in {re.match(r"crates/[^/]+/src/", name)[0] + "lib.rs" for name in names}:
            text = self.files.get(library, ((ROOT / library).read_text(), []))
            self.files[library] = (text[0] + SWITCH, text[1])
        for name, (text, _) in self.files.items():
            copy = self.tree.folder / name
            if copy.read_text() != text:
                copy.write_text(text)

    def woven(self, name):
        text = (ROOT / name).read_text()
        others = {number: self.changed[mutation][name] for mutation, number in self.numbers.items() if name in self.changed[mutation]}
        pieces, places, at, line = [], [], 0, 1
        for nth, body in enumerate(bodies(text)):
            original = text[body.first:body.last]
            changed = {number: part(other, nth) for number, other in others.items()}
            changed = {number: other for number, other in changed.items() if other != original}
            if not changed:
                continue
            head = re.sub(r"\bconst (?=(?:async |unsafe )*fn [^{}]*$)", "", text[at:body.first])
            pieces += [head, "{\n"]
            line += head.count("\n") + 1
            for number, other in changed.items():
                piece = f"if crate::mutant::is({number}) {other}\nelse "
                places.append(Place(line, line + piece.count("\n") - 1, number))
                pieces.append(piece)
                line += piece.count("\n")
            pieces.append(original + "\n}")
            line += pieces[-1].count("\n")
            at = body.last
        return "".join([*pieces, text[at:]]), places

    def blamed(self, message):
        """Whom an error of the compiler is about: the patch that it stands in, else all of that file."""
        report = message.get("message") or {}
        if message.get("reason") != "compiler-message" or report.get("level") != "error":
            return
        for span in (span for span in report["spans"] if span["is_primary"] and span["file_name"] in self.files):
            number = change_at(self.files[span["file_name"]][1], span["line_start"])
            for mutation, at in self.numbers.items():
                if at == number or (not number and span["file_name"] in self.changed[mutation]):
                    yield mutation


def is_rust(mutation):
    return all(re.match(r"crates/[^/]+/src/.+\.rs$", name) for name in mutation.files)


def patched(tree, mutation):
    """The files as the patch has them; nothing if it does more than change bodies of functions, or does not apply."""
    applied = tree.run(["git", "apply", str(mutation.path)], 60)
    if applied is None or applied.returncode:
        return None
    files = {name: (tree.folder / name).read_text() for name in mutation.files}
    for name in mutation.files:
        tree.restore(name)
    same = all(frame(text) == frame((ROOT / name).read_text()) for name, text in files.items())
    return files if same else None


def bodies(text):
    """Where the bodies of functions are, braces included, in order; of nested ones the outermost."""
    blank = TOKEN.sub(lambda token: token[0] if token[0] in "{}" else re.sub(r"[^\n]", " ", token[0]), text)
    found, end = [], 0
    for function in FUNCTION.finditer(blank):
        opening = opens_at(blank, function.end()) if function.start() >= end else None
        if opening is not None:
            end = closes_at(blank, opening)
            found.append(Body(opening, end))
    return found


def opens_at(blank, at):
    """The brace that a function's body begins with; none if it has no body."""
    depth = 0
    for place in range(at, len(blank)):
        depth += (blank[place] in "([") - (blank[place] in ")]")
        if depth == 0 and blank[place] in "{;":
            return place if blank[place] == "{" else None
    return None


def closes_at(blank, opening):
    depth = 0
    for place in range(opening, len(blank)):
        depth += (blank[place] == "{") - (blank[place] == "}")
        if depth == 0:
            return place + 1
    return len(blank)


def part(text, nth):
    body = bodies(text)[nth]
    return text[body.first:body.last]


def frame(text):
    """Everything but the bodies."""
    pieces, at = [], 0
    for body in bodies(text):
        pieces.append(text[at:body.first])
        at = body.last
    return [*pieces, text[at:]]
