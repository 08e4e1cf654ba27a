"""What API Gateway does with a WebSocket, where MiniStack does something else.

Not proof of what AWS does: AWS's documents say so, and clients that hold to RFC 6455 cannot connect otherwise.
The invariant: nothing is decided here; the functions' own answers are passed on.

| what happens | MiniStack 1.5.33 | AWS, and here |
|---|---|---|
| `$connect` returns the header `Sec-WebSocket-Protocol` | dropped | the subprotocol that is selected |
| `$connect` returns another status than 2xx | 403 | that status |
| the authorizer fails with exactly `Unauthorized` | 500 | 401 |
| a connection is deleted right after a post | what was posted may be dropped | it comes before the close |
"""

import asyncio
import contextvars

from ministack.services import apigateway

# Per handshake: MiniStack drives each in a task of its own.
answer = contextvars.ContextVar("answer of $connect", default={})
unauthorized = contextvars.ContextVar("the authorizer failed with Unauthorized", default=False)

AUTHORIZER_THREAD = "ministack-apigw-authorizer"


def fill():
    """To be called once, before MiniStack serves its first request."""
    apigateway.run_reentrant = noting_unauthorized(apigateway.run_reentrant)
    apigateway._authorize_ws_connect = refusing_unauthorized(apigateway._authorize_ws_connect)
    apigateway._invoke_ws_lambda = noting_answer(apigateway._invoke_ws_lambda)
    apigateway.handle_websocket = answering_as_told(apigateway.handle_websocket)
    apigateway.handle_connections_api = deleting_last(apigateway.handle_connections_api)


def noting_unauthorized(run):
    async def noted(function, *arguments, **more):
        result = await run(function, *arguments, **more)
        if more.get("thread_name") == AUTHORIZER_THREAD and message_of(result) == "Unauthorized":
            unauthorized.set(True)
        return result

    return noted


def message_of(result):
    """The message that a function failed with."""
    body = (result or {}).get("body")
    return body.get("errorMessage") if isinstance(body, dict) and result.get("error") else None


def refusing_unauthorized(authorize):
    async def refused(*arguments):
        refusal, context = await authorize(*arguments)
        return ((401, "Unauthorized") if refusal and unauthorized.get() else refusal), context

    return refused


def noting_answer(invoke):
    async def noted(*arguments, **more):
        returned = await invoke(*arguments, **more)
        event_type = arguments[6]
        if event_type == "CONNECT":
            answer.set(returned or {})
        return returned

    return noted


def answering_as_told(handle):
    async def handled(scope, receive, send, *arguments, **more):
        # What MiniStack refuses by itself, the authorizer's refusals among it, passes by.
        started = False

        async def send_as_told(message):
            nonlocal started
            first, started = not started, True
            if first and message["type"] == "websocket.accept":
                message = message | {"subprotocol": subprotocol()}
            elif first and message["type"] == "websocket.close" and answer.get():
                return await apigateway._refuse_ws_handshake(scope, send, status(), "", "", "")
            return await send(message)

        return await handle(scope, receive, send_as_told, *arguments, **more)

    return handled


def subprotocol():
    headers = answer.get().get("headers") or {}
    return next((value for name, value in headers.items() if name.lower() == "sec-websocket-protocol"), None)


def status():
    return int(answer.get().get("statusCode", 500))


def deleting_last(handle):
    """Whoever deletes a connection waits, a second at most, until what was posted to it has been taken up."""

    async def handled(method, api, stage, connection, *more):
        outbox = apigateway._ws_connections.get(connection, {}).get("outbox")
        for _ in range(100):
            if method != "DELETE" or outbox is None or outbox.empty():
                break
            await asyncio.sleep(0.01)
        return await handle(method, api, stage, connection, *more)

    return handled
