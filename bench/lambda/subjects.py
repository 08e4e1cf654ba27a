"""The subjects of the fan-out: our packaged `deliver`, and what others would write in its place.

All do the same for a batch of ten records: write ten rows to the log in one `BatchWriteItem`, read ten audiences by
strongly consistent queries, page by page, and post one frame to each connection.
"""

import dataclasses
import shutil

from harness import ROOT

from . import stage

# Bundled and minified, as a team that minds its cold starts ships it.
NODE = ROOT / "target" / "bench" / "node" / "index.mjs"


@dataclasses.dataclass
class Subject:
    name: str
    command: list
    environment: dict = dataclasses.field(default_factory=dict)


def deliver(bench):
    return Subject("Sorl deliver", [stage.unpack(bench, "deliver")[0]])


def node(sockets):
    """As a Lambda of 1,769 MB has it: the managed runtime's own settings add nothing that costs or saves CPU."""
    return Subject(f"Node, SDK v3, {sockets} sockets", [shutil.which("node"), NODE], {"SOCKETS": sockets})


def sdk(bench):
    return Subject("Rust, SDK", [bench.binary("sdk_peer", "peer")])


def bare(bench):
    return Subject("Rust, unsigned HTTP", [bench.binary("bare_peer", "peer")])
