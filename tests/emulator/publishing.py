"""What SNS makes of a message, where MiniStack makes something else of it.

The invariant: what is refused here is refused by SNS with the same code, entry by entry; only the words differ.

| message | MiniStack 1.5.33 | SNS, and here |
|---|---|---|
| an entry of `PublishBatch` without a text | published | `InvalidParameter`, that entry alone |
| an attribute of no known type | published | `InvalidParameter`, that entry alone |
| its `Timestamp` | cut off to the second, before what came before it | to the millisecond |
"""

import math

from ministack.core.responses import now_iso
from ministack.services import sns

TYPES = ("String", "Number", "Binary")


def fill():
    """To be called once, before MiniStack serves its first request."""
    sns._message_payload_size = refusing(sns._message_payload_size)
    sns.time = Precise(sns.time)


def refusing(size):
    """MiniStack refuses an entry that is too large by its size, so what must be refused has a size without bound."""

    def sized(message, attributes):
        types = [attribute.get("DataType", "").split(".")[0] for attribute in (attributes or {}).values()]
        return size(message, attributes) if message and all(kind in TYPES for kind in types) else math.inf

    return sized


class Precise:
    """The module `time` as MiniStack's SNS uses it, but for the milliseconds that it writes as zeros."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        return getattr(self._module, name)

    def strftime(self, form, *when):
        return now_iso() if form.endswith(".000Z") else self._module.strftime(form, *when)
