"""Measures how long each packaged Lambda takes from the start of its process to its first poll, and what it holds then.

    cold_start.py [RUNS]

A runtime API of our own stands in for Lambda's: the first request for an invocation ends the run. Printed, never
asserted: the machine decides. What comes before (fetching the zip, starting the sandbox) and after (the first
connection to each service) is Lambda's and the network's, and is not in it.
"""

import http.server
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

ARTIFACTS = pathlib.Path(__file__).resolve().parents[2] / "target" / "lambda"
FUNCTIONS = ("authorize", "connect", "disconnect", "command", "deliver")
RUNS = 15
POLLED_WITHIN = 30
# As the template sets it; nothing is asked of any of these before the first invocation.
SETTINGS = {
    "AWS_REGION": "eu-north-1",
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_LAMBDA_FUNCTION_NAME": "sorl",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "SORL_STAGE": "dev",
    "SORL_LOG": "info",
    "SORL_SECRET": "sorl-dev-jwt",
    "SORL_CONNECTIONS_TABLE": "sorl-dev-connections",
    "SORL_MESSAGES_TABLE": "sorl-dev-messages",
    "SORL_RELAY_TOPIC": "arn:aws:sns:eu-north-1:000000000000:sorl-dev-relay",
    "SORL_COMPLETE_SINCE": "start",
    "SORL_BULK_QUEUE": "https://sqs.eu-north-1.amazonaws.com/000000000000/sorl-dev-bulk",
    "SORL_DEAD_LETTERS_QUEUE": "https://sqs.eu-north-1.amazonaws.com/000000000000/sorl-dev-dead-letters",
    "SORL_BULK_CONCURRENCY": "4",
    "SORL_GATEWAY": "https://example.execute-api.eu-north-1.amazonaws.com/dev",
}


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    print(f"{'':12} {'zip':>8} {'init, median':>14} {'longest':>9} {'resident':>9}   ({runs} starts)")
    with tempfile.TemporaryDirectory() as folder:
        for function in FUNCTIONS:
            artifact = ARTIFACTS / f"{function}.zip"
            bootstrap = unpack(artifact, pathlib.Path(folder) / function)
            started = [start(bootstrap) for _ in range(runs)]
            times = [milliseconds for milliseconds, _ in started]
            resident = statistics.median(kilobytes for _, kilobytes in started)
            print(
                f"{function:12} {artifact.stat().st_size / 1e6:5.2f} MB {statistics.median(times):11.1f} ms "
                f"{max(times):6.1f} ms {resident / 1024:6.1f} MB"
            )


def unpack(artifact, folder):
    with zipfile.ZipFile(artifact) as archive:
        archive.extractall(folder)
    bootstrap = folder / "bootstrap"
    bootstrap.chmod(0o755)
    return bootstrap


def start(bootstrap):
    """Milliseconds to the first poll, and the kilobytes resident then."""
    polled, measured = threading.Event(), threading.Event()

    class RuntimeApi(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.polled_at = time.perf_counter()
            polled.set()
            # No invocation comes, as in a quiet region: the process waits, and can be looked at.
            measured.wait(POLLED_WITHIN)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi) as api:
        threading.Thread(target=api.serve_forever, daemon=True).start()
        environment = SETTINGS | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}"}
        begun = time.perf_counter()
        process = subprocess.Popen([bootstrap], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            if not polled.wait(POLLED_WITHIN):
                process.kill()
                sys.exit(f"{bootstrap} did not poll within {POLLED_WITHIN} s: {process.stdout.read().decode()}")
            return (api.polled_at - begun) * 1000, resident(process.pid)
        finally:
            measured.set()
            process.kill()
            process.wait()
            process.stdout.close()
            api.shutdown()


def resident(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    main()
