"""A folder comes in by a drop on the box of files, and by choosing it."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core import audio
from tests.studio.conftest import SR

pytestmark = pytest.mark.browser
PATIENCE_MS = 90_000


@pytest.fixture
def folder(tmp_path, request) -> Path:
    """Two items, one in a folder within, with a tonic written beside each, and a stray picture."""
    inside = tmp_path / "tapes" / "second side"
    inside.mkdir(parents=True)
    for (name, tonic_hz), place in zip(tapes(request), (inside.parent, inside), strict=True):
        y = (0.1 * np.sin(np.arange(2 * SR) * tonic_hz / SR)).astype(np.float32)
        audio.write(place / f"{name}.wav", y, SR)
        (place / f"{name}.ctonic.txt").write_text(str(tonic_hz))
    (inside / "cover.png").write_bytes(b"no sound")
    return inside.parent


def tapes(request) -> Iterable[tuple[str, float]]:
    """Titles and tonics that only the asking test brings in."""
    return {
        "test_a_chosen_folder": {"Nidhi": 155.5, "Vara veena": 170.5},
        "test_a_dropped_folder": {"Evarani": 141.5, "Sari evvare": 188.5},
    }[request.node.name.partition("_comes")[0]].items()


def brought_in(studio, page: Page, request) -> None:
    wanted = dict(tapes(request))
    for title in wanted:  # in the list of what has arrived, not of what is on its way
        page.locator("#import-files .stem").get_by_text(title, exact=True).wait_for(
            timeout=PATIENCE_MS
        )
    page.locator("#import-start").click()
    said = page.locator("#import-said")
    for title in wanted:
        expect(said).to_contain_text(title, timeout=PATIENCE_MS)
    assert "cover" not in said.inner_text()
    assert wanted.items() <= {e.title: e.tonic_hz for e in studio.library.recordings()}.items()


def opened(studio, page: Page) -> None:
    page.goto(f"{studio.url}/?tab=concerts")
    page.wait_for_selector("#import-directory input", state="attached", timeout=PATIENCE_MS)
    page.wait_for_selector("#import-files input[type=file]", state="attached")


def test_a_chosen_folder_comes_in_with_what_is_written_beside(studio, page, folder, request):
    opened(studio, page)
    page.locator("#import-directory input").set_input_files(folder)
    brought_in(studio, page, request)


def test_a_dropped_folder_comes_in_with_what_is_written_beside(studio, page, folder, request):
    opened(studio, page)
    box = page.locator("#import-files")
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    at = {"x": place["x"] + place["width"] / 2, "y": place["y"] + place["height"] / 2}
    hand = page.context.new_cdp_session(page)
    carried = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", "drop"):
        hand.send("Input.dispatchDragEvent", {"type": step, **at, "data": carried})
    brought_in(studio, page, request)
