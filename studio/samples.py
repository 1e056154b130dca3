"""The sample concerts of a first start, rendered by a process of their own while the page opens."""

import subprocess
import sys
import tempfile
from typing import IO

from core.library import Library
from core.workspace import PROJECT, Workspace


class SampleConcerts:
    """Renders the sample concerts into an empty workspace, once."""

    def __init__(self, workspace: Workspace, library: Library):
        self._workspace = workspace
        self._library = library
        self._process: subprocess.Popen | None = None
        self._said: IO[bytes] | None = None

    def render_if_empty(self) -> None:
        """Start rendering unless there is a recording already."""
        if self._library.recordings():
            return
        command = [sys.executable, "-m", "core.synthesis", "--samples"]
        # A file, for a pipe that nobody reads would stop the process.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [*command, "--workspace", str(self._workspace.root)],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
        )

    @property
    def is_rendering(self) -> bool:
        """Whether more recordings will come."""
        return self._process is not None and self._process.poll() is None

    @property
    def failure(self) -> str | None:
        """The last words of a rendering that failed."""
        if self._process is None or not self._process.poll():
            return None
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.returncode}"

    def stop(self) -> None:
        """End the rendering, if it goes on."""
        if self.is_rendering:
            self._process.terminate()
            self._process.wait()
