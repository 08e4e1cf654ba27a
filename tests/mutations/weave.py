"""Weaves all changes that cargo-mutants knows into one source, each behind a switch.

A function that is to be changed becomes

    { if crate::mutant::is(17) { its body with change 17 } else if … else { its body } }

so that one build serves every change, and the environment says which is in force (SORL_MUTANT=17). Not the building
and not the asking (`mutants.py`). The invariant: with no switch thrown, a woven function does what it did.
"""

import bisect
import collections
import re

# What the woven crate asks; `std::env` is banned in the real one.
SWITCH = """
/// Which change is in force.
#[allow(missing_docs, reason = "woven in")]
pub mod mutant {
    static IN_FORCE: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| {
        std::env::var("SORL_MUTANT").ok().and_then(|number| number.parse().ok()).unwrap_or(0)
    });
    pub fn is(number: u32) -> bool {
        *IN_FORCE == number
    }
}
"""
TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<hashes>\#*)".*?"(?P=hashes)|b?"(?:[^"\\]|\\.)*"|b?'(?:[^'\\]|\\.[^']*)'|[{}]""", re.DOTALL
)

Place = collections.namedtuple("Place", "first last change")


class Source:
    """One file, and the changes of its functions."""

    def __init__(self, text, changes):
        self.text = text
        self.starts = [0] + [at + 1 for at, letter in enumerate(text) if letter == "\n"]
        self.functions = self.outermost(changes)

    def offset(self, place):
        return self.starts[place["line"] - 1] + place["column"] - 1

    def span(self, span):
        return self.offset(span["start"]), self.offset(span["end"])

    def outermost(self, changes):
        """The changes by the function they are in; those of a function within another are the other's."""
        by_span = collections.defaultdict(list)
        for change in (change for change in changes if change["function"]):
            by_span[self.span(change["function"]["span"])].append(change)
        functions = {}
        for span in sorted(by_span, key=lambda span: (span[0], -span[1])):
            outer = next((other for other in functions if other[0] <= span[0] and span[1] <= other[1]), span)
            functions.setdefault(outer, []).extend(by_span[span])
        return functions

    def woven(self, left_out):
        """The text with every change but those left out, and where in it each change stands."""
        pieces, places, at, line = [], [], 0, 1
        for (first, last), changes in sorted(self.functions.items()):
            changes = [change for change in changes if change["number"] not in left_out]
            body = body_of(self.text[first:last])
            if not changes or body is None:
                continue
            opening, closing = first + body[0], first + body[1]
            head = re.sub(r"\bconst (?=(async |unsafe )*fn )", "", self.text[first:opening])
            pieces += [self.text[at:first], head, "{\n"]
            line += sum(piece.count("\n") for piece in pieces[-3:])
            for change in changes:
                start, end = self.span(change["span"])
                changed = self.text[opening:start] + change["replacement"] + self.text[end:closing + 1]
                piece = f"if crate::mutant::is({change['number']}) {changed}\nelse "
                places.append(Place(line, line + piece.count("\n") - 1, change["number"]))
                pieces.append(piece)
                line += piece.count("\n")
            pieces.append(self.text[opening:closing + 1] + "\n}")
            line += pieces[-1].count("\n")
            at = last
        return "".join([*pieces, self.text[at:]]), places


def body_of(function):
    """Where the braces of a function's body are in its text."""
    depth, opening = 0, None
    for token in TOKEN.finditer(function):
        if token[0] == "{":
            opening = token.start() if depth == 0 else opening
            depth += 1
        elif token[0] == "}":
            depth -= 1
            if depth == 0 and token.end() == len(function):
                return opening, token.start()
    return None


def change_at(places, line):
    """The change that a line of a woven text belongs to."""
    at = bisect.bisect_right(places, line, key=lambda place: place.first) - 1
    return places[at].change if at >= 0 and line <= places[at].last else None
