"""`python app.py` as its users run it, for tests in a browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from core.workspace import PROJECT, Workspace


@contextmanager
def served(workspace: Workspace, **told: str) -> Iterator[str]:
    """Its address, from the first answer on; `told` is said in its environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)],
        cwd=PROJECT,
        env={**os.environ, "STUDIO_WORKSPACE": str(workspace.root), **told},
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=2)
            break
        except (urllib.error.URLError, TimeoutError):
            assert process.poll() is None, "app.py ended before it answered"
            time.sleep(0.2)
    yield address
    process.terminate()
    process.wait(timeout=30)
