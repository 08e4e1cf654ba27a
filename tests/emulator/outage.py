"""A region's gateway that is gone, as clients and functions see it.

While the file that `SORL_EMULATOR_GONE` names holds an API's id, nobody gets in there (503), nobody can be posted to
(503), and whoever was connected is cut off; nobody is told that they left, so their rows stand. Without the
variable, or the file, nothing is changed. Not proof of what AWS does when a region fails: its documents say no more
than that it can.
"""

import asyncio
import json
import os
import pathlib

from ministack.services import apigateway

LOOKS_SECONDS = 0.1

looking = None
cut = {}


def fill():
    """To be called once, after gateway.py's and before MiniStack serves its first request."""
    file = os.environ.get("SORL_EMULATOR_GONE")
    if not file:
        return
    file = pathlib.Path(file)
    apigateway.handle_websocket = cutting(apigateway.handle_websocket, file)
    apigateway.handle_connections_api = failing(apigateway.handle_connections_api, file)
    apigateway._invoke_ws_lambda = forgetting(apigateway._invoke_ws_lambda, file)


def gone(file):
    """The APIs whose gateways are gone, at this moment."""
    try:
        return file.read_text().split()
    except FileNotFoundError:
        return []


async def look(file):
    """Cuts off whoever is connected to what is gone."""
    while True:
        now = gone(file)
        for api, event in cut.items():
            if api in now:
                event.set()
        await asyncio.sleep(LOOKS_SECONDS)


def cutting(handle, file):
    async def handled(scope, receive, send, api, *arguments, **more):
        global looking
        looking = looking or asyncio.create_task(look(file))
        if api in gone(file):
            await receive()
            return await apigateway._refuse_ws_handshake(scope, send, 503, "", "", "")
        if api not in cut or cut[api].is_set():
            # Whoever comes back is not cut off with those who were.
            cut[api] = asyncio.Event()
        event = cut[api]
        return await handle(scope, until_cut(receive, event), send, api, *arguments, **more)

    return handled


def until_cut(receive, event):
    """What the client sends, until it is cut off: then that it is gone."""

    async def received():
        heard, ended = asyncio.ensure_future(receive()), asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait({heard, ended}, return_when=asyncio.FIRST_COMPLETED)
            return heard.result() if heard.done() else {"type": "websocket.disconnect", "code": 1006}
        finally:
            heard.cancel()
            ended.cancel()

    return received


def failing(handle, file):
    async def handled(method, api, *arguments):
        if api in gone(file):
            return 503, {"Content-Type": "application/json"}, json.dumps({"message": "gone"}).encode()
        return await handle(method, api, *arguments)

    return handled


def forgetting(invoke, file):
    async def invoked(*arguments, **more):
        api, event_type = arguments[0], arguments[6]
        return None if event_type == "DISCONNECT" and api in gone(file) else await invoke(*arguments, **more)

    return invoked
