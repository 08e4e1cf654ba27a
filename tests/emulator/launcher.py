"""Starts MiniStack, an AWS emulator, as the tests of the deployed stage need it, and ends with whoever started it.

    launcher.py [--port N] [--log FILE]

Prints one line of JSON when it serves, `{"event": "ready", "url": "http://127.0.0.1:PORT", "pid": …}`, and nothing
else; what MiniStack says goes to FILE, else to stderr. Port 0 or none takes a free one. It ends when its standard
input, if that is a pipe, is closed, when its parent is gone, or on SIGTERM; its Lambda processes and its temporary
folder go with it. `AUTH=true` in the environment turns the enforcement of IAM on.

What it changes in MiniStack: the gaps of its CloudFormation (gaps.py), what becomes of a WebSocket (gateway.py),
which gateways are gone (outage.py), what SNS makes of a message (publishing.py), the rights that a few calls are
checked for (rights.py), which version of a function answers (versions.py), and three waits that prove nothing
(`hasten`). If it does not answer for five seconds, its log says in which lines each thread stands. What stays
unproven on MiniStack is listed in tests/README.md.
"""

import argparse
import asyncio
import faulthandler
import json
import os
import select
import shutil
import signal
import socket
import stat
import sys
import tempfile
import threading
import time
import urllib.request

HOST = "127.0.0.1"


def main():
    asked = arguments()
    port = asked.port or free_port()
    announcements = keep_stdout_for_announcements(asked.log)
    folder = tempfile.mkdtemp(prefix="sorl-emulator-")
    environment(port, folder)

    # Only now: MiniStack reads the environment when its modules are loaded.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import gaps
    import gateway
    import ministack.app
    import outage
    import publishing
    import rights
    import versions

    for part in (gaps, gateway, outage, publishing, rights, versions):
        part.fill()
    hasten()
    end_at_once_when_told(folder)
    in_background(end_with_parent, os.getppid(), folder)
    in_background(announce, f"http://{HOST}:{port}", announcements)
    in_background(tell_where_it_stands, f"http://{HOST}:{port}")
    sys.argv = sys.argv[:1]
    ministack.app.main()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log")
    return parser.parse_args()


def free_port():
    """A port that nobody has now. Another program might take it first; MiniStack then says so and ends."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def keep_stdout_for_announcements(log):
    """Whatever is written to stdout and stderr from here on goes to the log; returns the real stdout."""
    announcements = os.fdopen(os.dup(1), "w")
    if log:
        with open(log, "ab") as file:
            os.dup2(file.fileno(), 2)
    os.dup2(2, 1)
    return announcements


def environment(port, folder):
    """What MiniStack reads at its start. Functions get `AWS_ENDPOINT_URL` only if it has one itself."""
    tempfile.tempdir = None
    os.environ.update(
        BIND_HOST=HOST,
        GATEWAY_PORT=str(port),
        IOT_MTLS_ENABLED="0",
        AWS_ENDPOINT_URL=f"http://{HOST}:{port}",
        TMPDIR=folder,
    )
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")


def hasten():
    """A warm invocation waits for Nagle's algorithm and for output of the function that seldom comes; 9 ms instead of
    some 50."""
    import socketserver

    import botocore.session
    from ministack.core import router
    from ministack.core.lambda_runtime import Worker

    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    first_line_wait, idle_confirm, hard_cap = 0.001, 0.001, 0.050
    Worker._drain_stderr_bounded.__defaults__ = (first_line_wait, idle_confirm, hard_cap)
    # At the first call to a service that MiniStack has not, it would read the models of all AWS services, and answer
    # nobody for 6 seconds, on a busy machine 30. Their names are enough.
    names = botocore.session.get_session().get_available_services()
    router._KNOWN_AWS_SERVICE_NAMES = frozenset(names) | {name.replace("-", "") for name in names}


def in_background(work, *arguments):
    threading.Thread(target=work, args=arguments, daemon=True).start()


def announce(url, announcements):
    while not healthy(url):
        time.sleep(0.05)
    print(json.dumps({"event": "ready", "url": url, "pid": os.getpid()}), file=announcements, flush=True)


def tell_where_it_stands(url):
    """One event loop serves every service of every region: what holds it up for seconds must not stay a riddle."""
    while True:
        time.sleep(1)
        asked = time.monotonic()
        if not healthy(url):
            faulthandler.dump_traceback(file=sys.stderr)
            print(f"emulator: no answer for {time.monotonic() - asked:.0f} s; above, where it stands", file=sys.stderr)


def healthy(url):
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def end_with_parent(parent, folder):
    """Waits until nobody is left for whom this runs."""
    piped = stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode)
    while os.getppid() == parent:
        if not piped:
            time.sleep(0.2)
        elif select.select([0], [], [], 0.2)[0] and not os.read(0, 4096):
            break
    end(folder)


def end_at_once_when_told(folder):
    """Hypercorn would wait for open WebSockets on SIGTERM: it is given a shutdown that never comes instead."""
    import hypercorn.asyncio

    serve = hypercorn.asyncio.serve

    def serve_until_told(app, config):
        signal.signal(signal.SIGTERM, lambda *_: end(folder))
        return serve(app, config, shutdown_trigger=asyncio.Event().wait)

    hypercorn.asyncio.serve = serve_until_told


def end(folder):
    for child in children():
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def children():
    """The processes that this one started: MiniStack runs each warm function as one."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and parent_of(entry.path) == os.getpid():
            yield int(entry.name)


def parent_of(process):
    try:
        with open(f"{process}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


if __name__ == "__main__":
    main()
