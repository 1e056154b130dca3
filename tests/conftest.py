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

LONGEST = (
    "browser",
    "test_pipeline",
    "test_processes",
    "test_generate",
    "test_launch",
    "test_finetune",
)


@pytest.hookimpl(tryfirst=True)  # before the workers read the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Share the tests out among workers, and give one that lost a race in a browser two more tries.

    A file's tests stay with one worker, for they share fixtures; so do all that drive the browser,
    for two at once starve each other. What takes longest begins first.
    """
    order = {group: number for number, group in enumerate(LONGEST)}
    groups = {}
    for item in items:
        is_browser = item.get_closest_marker("browser") is not None
        if is_browser:
            item.add_marker(pytest.mark.flaky(reruns=2))
        groups[item] = "browser" if is_browser else item.path.stem
        item.add_marker(pytest.mark.xdist_group(groups[item]))
    items.sort(key=lambda item: order.get(groups[item], len(order)))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
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
