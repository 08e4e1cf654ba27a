"""Which right a call needs, where MiniStack asks for one that AWS does not have.

Not the decision, which stays MiniStack's. The invariant: a call is checked against the right by which AWS knows it,
so that a role which passes here is neither wider nor narrower than the one that AWS demands.

| call | MiniStack 1.5.33 asks for | AWS, and here |
|---|---|---|
| `sns:PublishBatch` | a right of that name | `sns:Publish` |
| `sqs:SendMessageBatch`, `DeleteMessageBatch`, `ChangeMessageVisibilityBatch` | rights of those names | those without `Batch` |
"""

from ministack.core import iam_actions

BATCHES = {
    "sns:PublishBatch",
    "sqs:SendMessageBatch",
    "sqs:DeleteMessageBatch",
    "sqs:ChangeMessageVisibilityBatch",
}


def fill():
    """To be called once, before MiniStack serves its first request."""
    iam_actions.extract_iam_action = as_single_calls(iam_actions.extract_iam_action)


def as_single_calls(extract):
    def extracted(*arguments):
        action = extract(*arguments)
        return action.removesuffix("Batch") if action in BATCHES else action

    return extracted
