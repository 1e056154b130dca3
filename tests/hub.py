"""A Hub on a loopback address, as much of it as an upload of small files speaks to."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub(ThreadingHTTPServer):
    """What was created and uploaded, by whom."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Request)
        self.created: list[dict] = []
        self.files: dict[str, bytes] = {}
        self.cards: list[str] = []
        self.tokens: set[str | None] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Request(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self):
        body = self._body()
        self.server.tokens.add(self.headers.get("Authorization"))
        if self.path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            self._answer({"url": f"{self.server.address}/datasets/me/demo", "name": "me/demo"})
        elif self.path == "/api/validate-yaml":
            self.server.cards.append(json.loads(body)["content"])
            self._answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            asked = json.loads(body)["files"]
            modes = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in asked
            ]
            self._answer({"files": modes})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    content = base64.b64decode(line["value"]["content"])
                    self.server.files[line["value"]["path"]] = content
            address = f"{self.server.address}/datasets/me/demo/commit/1"
            self._answer({"commitUrl": address, "commitOid": "1" * 40, "hookOutput": ""})
        else:
            self._answer({"error": f"no {self.path}"}, 404)

    def do_GET(self):
        if self.path.endswith("/whoami-v2"):
            self._answer({"name": "me", "type": "user", "auth": {}})
        else:
            self._answer({"sha": "0" * 40, "id": "me/demo", "siblings": [], "private": True})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, content: dict, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Keep quiet."""


@contextmanager
def serving() -> Iterator[Hub]:
    """A Hub that answers meanwhile."""
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
