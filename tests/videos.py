"""A site of videos for yt-dlp's generic extractor, which sends a concert and plays failures."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from core.youtube import Site

GOOD, ALSO_GOOD, GONE, BROKEN, WORDS, HUGE = (
    f"{name:_<11}" for name in ("a", "b", "no", "cut", "text", "huge")
)


class Videos(BaseHTTPRequestHandler):
    """A site that sends a concert, and plays the failures of real ones."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        name = self.path.strip("/").split(".")[0]
        self.server.asked.append((self.command, name, self.headers.get("Range")))
        if name == GONE:
            self.send_error(404)
            return
        content = b"no sound at all " * 4000 if name == WORDS else self.server.content
        if name == BROKEN:
            content = content[: len(content) // 2]
        start = int(re.match(r"bytes=(\d+)", self.headers.get("Range") or "bytes=0")[1])
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Type", "audio/webm")
        self.send_header("Accept-Ranges", "bytes")
        length = 3 << 30 if name == HUGE else len(content) - start
        self.send_header("Content-Length", str(length))
        self.close_connection = self.close_connection or name == HUGE
        if "Range" in self.headers:
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", span)
        self.end_headers()
        if with_body:
            self._send(content[start:])

    def _send(self, content: bytes) -> None:
        for k in range(0, len(content), 4096):
            try:
                self.wfile.write(content[k : k + 4096])
            except OSError:
                return
            time.sleep(self.server.pause_s)

    def log_message(self, *_):
        pass


@contextmanager
def served_videos(content: bytes) -> Iterator[ThreadingHTTPServer]:
    """A server that sends `content` for any id but those that fail."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Videos)
    server.daemon_threads = True
    server.content, server.pause_s, server.asked = content, 0.0, []
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def site_of(server: ThreadingHTTPServer) -> Site:
    """Where such a server's videos are: by the generic extractor, which the studio never uses."""
    return Site(f"http://127.0.0.1:{server.server_port}/{{}}.webm", ("generic",), (0.0, 0.0))
