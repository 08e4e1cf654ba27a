"""What SNS makes of a message, where MiniStack makes something else of it.

The invariant: what is refused here is refused by SNS with the same code, entry by entry; only the words differ.

| message | MiniStack 1.5.33 | SNS, and here |
|---|---|---|
| an entry of `PublishBatch` without a text | published | `InvalidParameter`, that entry alone |
| an attribute of no known type | published | `InvalidParameter`, that entry alone |
| its `Timestamp` | a delivery's own, cut off to the second | the publish's, to the millisecond, the same for all |
"""

import contextvars
import json
import math

from ministack.core.responses import now_iso
from ministack.services import sns

TYPES = ("String", "Number", "Binary")

accepted_at = contextvars.ContextVar("when the message that is fanned out was accepted")


def fill():
    """To be called once, before MiniStack serves its first request."""
    sns._message_payload_size = refusing(sns._message_payload_size)
    sns._fanout = noting_time(sns._fanout)
    sns._build_envelope = with_time(sns._build_envelope)


def refusing(size):
    """MiniStack refuses an entry that is too large by its size, so what must be refused has a size without bound."""

    def sized(message, attributes):
        types = [attribute.get("DataType", "").split(".")[0] for attribute in (attributes or {}).values()]
        return size(message, attributes) if message and all(kind in TYPES for kind in types) else math.inf

    return sized


def noting_time(fan_out):
    def fanned_out(*arguments, **more):
        accepted_at.set(now_iso())
        return fan_out(*arguments, **more)

    return fanned_out


def with_time(build):
    def built(topic, message_id, message, subject, attributes, raw):
        envelope = build(topic, message_id, message, subject, attributes, raw)
        return envelope if raw else json.dumps(json.loads(envelope) | {"Timestamp": accepted_at.get()})

    return built
