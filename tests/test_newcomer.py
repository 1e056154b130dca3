"""A newcomer's first hour, in a real browser: from a sample concert to a clip of their own."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from core import synthesis
from core.library import Library
from core.workspace import Workspace
from tests.served import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]

UNMARKED = "sample-3"
PATIENCE_MS = 240_000  # two cores, all tests at once


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Workspace:
    """A workspace with the sample concerts, as `make studio` leaves it."""
    workspace = Workspace.at(tmp_path_factory.mktemp("newcomer") / "workspace")
    synthesis.add_samples(workspace, Library.of(workspace), minutes=1.0)
    return workspace


@pytest.fixture(scope="module")
def url(place) -> Iterator[str]:
    """The studio over it, as `python app.py` opens it."""
    with served(place) as address:
        yield address


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def drag_out_a_region(page: Page, start: float, end: float) -> None:
    """Drag over the waveform, from one share of its width to another."""
    box = page.locator(".wave").bounding_box()
    y = box["y"] + 50
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y, steps=8)
    page.mouse.move(box["x"] + box["width"] * end, y, steps=8)
    page.mouse.up()


def choose(page: Page, element_id: str, text: str) -> None:
    """Type into a dropdown and take the first that fits, as one does with hundreds of ragas."""
    box = page.locator(f"#{element_id} input")
    box.click()
    box.fill(text)
    page.locator("ul[role=listbox] li").filter(has_text=text).first.click()


def test_from_a_sample_concert_to_a_clip(url, place, page):
    library = Library.of(place)
    page.goto(f"{url}/?tab=concerts")
    row = page.locator(f"[data-open={UNMARKED}]")
    row.click()
    page.wait_for_selector(".editor-body[data-ready=true]", timeout=PATIENCE_MS)

    drag_out_a_region(page, 0.1, 0.6)
    page.keyboard.press("3")  # a kriti
    expect(page.locator(".state")).to_have_attribute("data-state", "saved")
    page.keyboard.press("a")  # approve it
    expect(page.locator(".list")).to_contain_text("approved", ignore_case=True)
    expect(page.locator(".state")).to_have_attribute("data-state", "saved")

    page.reload()
    page.wait_for_selector(".editor-body[data-ready=true]", timeout=PATIENCE_MS)
    expect(page.locator(".list")).to_contain_text("kriti")
    (found,) = library.segments(UNMARKED)
    assert (found.section, found.status, found.origin) == ("kriti", "approved", "human")

    open_tab(page, "Captions")
    choose(page, "template-section", "kriti")
    raga = library.recording(UNMARKED).raga
    expect(page.locator("#captions")).to_contain_text(f"raga {raga}", ignore_case=True)
    page.locator("#export-name input, #export-name textarea").fill("first")
    page.locator("#export-go").click()
    expect(page.locator("#export-said")).to_contain_text("first", timeout=PATIENCE_MS)
    assert json.loads((place.dataset("first") / "manifest.json").read_text())

    open_tab(page, "Train")
    expect(page.locator("#train-dataset input")).to_have_value("first", timeout=PATIENCE_MS)
    page.get_by_role("button", name="Settings").first.click()
    page.locator("#train-max-steps input").fill("4")
    page.locator("#train-max-steps input").press("Tab")
    page.locator("#train-check").click()
    expect(page.locator("#train-report")).to_contain_text("Ready", timeout=PATIENCE_MS)
    page.locator("#train-launch").click()
    state = page.locator("#train-state")
    expect(state).to_contain_text("running", timeout=PATIENCE_MS)
    page.reload()  # the run does not care
    expect(state).to_contain_text("finished", timeout=PATIENCE_MS)

    open_tab(page, "Play")
    choose(page, "play-raga", "Hindolam")
    choose(page, "play-section", "kriti")
    choose(page, "play-tala", "Rupaka")
    page.locator("#play-generate").click()
    expect(page.locator("#play-clip")).to_contain_text("Hindolam", timeout=PATIENCE_MS)
    expect(page.locator("#gallery li")).not_to_have_count(0, timeout=PATIENCE_MS)
    card = page.locator("#gallery li").filter(has_text="Hindolam").first
    length_s = card.locator("audio").evaluate(
        """async (player) => {
             player.preload = 'metadata';
             player.load();
             await new Promise(done => player.addEventListener('loadedmetadata', done));
             return player.duration;
           }"""
    )
    assert length_s == pytest.approx(10.0, abs=0.1)
    sidecar = next(place.clips().glob("*.json"))
    assert json.loads(sidecar.read_text())["config"]["tala"] == "Rupaka"
