"""Which version of a function answers a call of its alias, where MiniStack always takes the same.

The invariant: an alias of two versions answers with either, by its weights, drawn anew for each call: of the gateway's
routes and authorizer, of queues, of schedules. An alias of one version is none of this file's business.

| what calls an alias with `RoutingConfig` | MiniStack 1.5.33 | AWS, and here |
|---|---|---|
| whatever calls it | its first version | each of its versions, by their weights |
"""

import random

from ministack.services import lambda_svc


def fill():
    """To be called once, before MiniStack serves its first request."""
    lambda_svc._effective_func_record_for_qualifier = drawn(lambda_svc._effective_func_record_for_qualifier)
    lambda_svc._invoke = invoked(lambda_svc._invoke)


def drawn(find):
    def found(function, qualifier):
        return find(function, version(function, qualifier))

    return found


def invoked(invoke):
    """The call by API, which looks for the version itself."""

    def by_weight(name, event, headers, qualifier=None, *more):
        return invoke(name, event, headers, version(lambda_svc._functions.get(name), qualifier), *more)

    return by_weight


def version(function, qualifier):
    """The version that this call of an alias gets; any other qualifier as it is."""
    alias = (function or {}).get("aliases", {}).get(qualifier, {})
    chance = random.random()
    for number, weight in alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}).items():
        chance -= weight
        if chance < 0:
            return number
    return qualifier
