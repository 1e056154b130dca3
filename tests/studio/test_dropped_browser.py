"""A folder comes in by a drop on the box of files, and by choosing it."""

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
    for place, name, tonic_hz in ((inside.parent, "Nidhi", 155.5), (inside, "Vara veena", 170.5)):
        chance = np.random.default_rng(len(request.node.name))  # another sound for each test
        y = chance.normal(0, 0.1, 2 * SR).astype(np.float32) + np.float32(tonic_hz / 2000)
        audio.write(place / f"{name}.wav", y, SR)
        (place / f"{name}.ctonic.txt").write_text(str(tonic_hz))
    (inside / "cover.png").write_bytes(b"no sound")
    return inside.parent


def brought_in(studio, page: Page) -> None:
    page.locator("#import-files").get_by_text("Vara veena").first.wait_for(timeout=PATIENCE_MS)
    page.locator("#import-start").click()
    expect(page.locator("#import-said")).to_contain_text("Vara veena", timeout=PATIENCE_MS)
    assert "cover" not in page.locator("#import-said").inner_text()
    tonics = {each.title: each.tonic_hz for each in studio.library.recordings()}
    assert (tonics["Nidhi"], tonics["Vara veena"]) == (155.5, 170.5)


def opened(studio, page: Page) -> None:
    page.goto(f"{studio.url}/?tab=concerts")
    page.wait_for_selector("#import-directory input", state="attached", timeout=PATIENCE_MS)
    page.wait_for_selector("#import-files input[type=file]", state="attached")


def test_a_chosen_folder_comes_in_with_what_is_written_beside(studio, page, folder):
    opened(studio, page)
    page.locator("#import-directory input").set_input_files(folder)
    brought_in(studio, page)


def test_a_dropped_folder_comes_in_with_what_is_written_beside(studio, page, folder):
    opened(studio, page)
    box = page.locator("#import-files")
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    at = {"x": place["x"] + place["width"] / 2, "y": place["y"] + place["height"] / 2}
    hand = page.context.new_cdp_session(page)
    carried = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", "drop"):
        hand.send("Input.dispatchDragEvent", {"type": step, **at, "data": carried})
    brought_in(studio, page)
