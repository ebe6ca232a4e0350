"""A proxy before an MLflow server that does not answer its first requests."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

NOT_PASSED_ON = {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}


@dataclass
class Faults:
    """What is left of the faults."""

    unavailable: int  # requests that are answered by 503
    held: int  # requests for the history of a metric that are answered too late
    seconds: float  # for which those are held


class Handler(BaseHTTPRequestHandler):
    target: str
    faults: Faults
    lock = threading.Lock()

    def answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.lock:
            unavailable, self.faults.unavailable = self.faults.unavailable > 0, max(0, self.faults.unavailable - 1)
            held = "get-history" in self.path and self.faults.held > 0
            self.faults.held -= held
        if unavailable:
            self.send_error(503)
            return
        if held:
            time.sleep(self.faults.seconds)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in NOT_PASSED_ON}
        given = requests.request(self.command, self.target + self.path, data=content, headers=headers, timeout=600)
        with suppress(OSError):  # the client does not wait any more
            self.send_response(given.status_code)
            for name, value in given.headers.items():
                if name.lower() not in NOT_PASSED_ON:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.content)))
            self.end_headers()
            self.wfile.write(given.content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

    def log_message(self, format: str, *given: object) -> None:
        """Print nothing."""


@contextmanager
def faulty_proxy(target: str, faults: Faults) -> Iterator[str]:
    """The address of a proxy before a server; it exists inside the block and counts the faults down."""
    handler = type("FaultyHandler", (Handler,), {"target": target, "faults": faults})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
