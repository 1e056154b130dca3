"""What many tests share: a workspace of their own, a browser, and real recordings where present."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy or torch: two cores, many tests
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from core.workspace import PROJECT, Workspace

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
]


# The same examples in each run, however slow the machine: a red test is then a fault of the code.
settings.register_profile(
    "studio", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("studio")

LONGEST = ("browser", "pipeline", "processes", "generate", "launch", "finetune")  # begin with these


def group_of(nodeid: str) -> str:
    """Which tests stay with one worker: a file's, for they share fixtures; those of a browser.

    Two browsers at once would starve each other.
    """
    file = nodeid.split("::")[0]
    return (
        "browser"
        if file.endswith(("_browser.py", "test_newcomer.py", "test_likely_ragas.py"))
        else file
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; give a browser test that lost a race two more tries."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=2))
    items.sort(key=lambda item: _place(group_of(item.nodeid)))


def _place(group: str) -> int:
    return next((i for i, name in enumerate(LONGEST) if name in group), len(LONGEST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Share the tests out by `group_of`."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace, without the clips that ship."""
    monkeypatch.setattr("training.clips.SHIPPED", tmp_path / "shipped")
    return Workspace.at(tmp_path / "workspace")


@pytest.fixture(scope="session")
def material() -> Path:
    """Reference tables and real recordings, which the project may not ship."""
    folder = Path(os.environ.get("STUDIO_MATERIAL") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no reference material in {folder}: set STUDIO_MATERIAL to a folder with it")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """A running Chromium; its absence fails the test, with the way to mend it."""
    from playwright.sync_api import sync_playwright

    from tests.provide import chromium

    executable = chromium()
    if executable is None:
        pytest.fail("No Chromium. `python tests/provide.py` installs one (or apt-get install it).")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser) -> Iterator:
    """A new page of desktop size, in a profile of its own."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield context.new_page()
    context.close()
