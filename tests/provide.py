"""Bring in what the tests need beyond Python packages: a Chromium and a PostgreSQL server.

`python tests/provide.py` installs what is missing. What cannot be had is said, and the tests that
need it fail with the same words: they are never skipped in silence.
"""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

logger = logging.getLogger(__name__)


def chromium() -> Path | None:
    """An installed Chromium: the system's, else the one Playwright keeps."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        kept = Path(playwright.chromium.executable_path)
    return kept if kept.is_file() else None


def postgres_bin() -> Path | None:
    """The folder that holds `initdb` and `pg_ctl`."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


def _attempt(*command: str) -> bool:
    logger.info("trying: %s", " ".join(command))
    try:
        return subprocess.run(command, check=False, timeout=900).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        logger.info("%s", error)
        return False


def _apt(*packages: str) -> bool:
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    return _attempt(*root, "apt-get", "update", "-q") and _attempt(
        *root, "apt-get", "install", "-y", "-q", "--no-install-recommends", *packages
    )


def main() -> None:
    """Install what is missing, by the gentlest way that works."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if chromium() is None:
        _ = _attempt(sys.executable, "-m", "playwright", "install", "chromium") or _apt("chromium")
    if postgres_bin() is None:
        _apt("postgresql")
    for what, found in (("Chromium", chromium()), ("PostgreSQL", postgres_bin())):
        logger.info("%s: %s", what, found or "not to be had; the tests that need it will fail")


if __name__ == "__main__":
    main()
