"""A dataset pushed to the Hub by its button, from the real page with the real client."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from core.workspace import Workspace
from tests.core.test_publish import CLOSED, OPEN, filled
from tests.hub import Hub, serving
from tests.served import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Workspace:
    workspace = Workspace.at(tmp_path_factory.mktemp("hub") / "workspace")
    filled(workspace, "imagefolder")
    return workspace


@pytest.fixture(scope="module")
def url(place, hub) -> Iterator[str]:
    """The studio, for which the Hub is the loopback one."""
    told = {"HF_ENDPOINT": hub.address, "HF_TOKEN": "hf_test", "HF_HUB_DISABLE_XET": "1"}
    with served(place, HF_HUB_OFFLINE="0", **told) as address:
        yield address


def opened(page: Page, url: str) -> None:
    page.goto(f"{url}/?tab=captions")
    page.locator("#export-hub").get_by_role("button").first.click(timeout=PATIENCE_MS)


def test_the_button_pushes_what_is_open_and_says_what_stayed(page, url, hub, place):
    opened(page, url)
    push = page.get_by_role("button", name="Push the dataset named above")
    push.click()
    expect(page.get_by_text("Where to? Give the repository's name").first).to_be_visible()
    page.get_by_label("Repository").fill("me/demo")
    push.click()
    said = page.locator("#export-pushed")
    expect(said).to_contain_text("Only you see it.", timeout=PATIENCE_MS)
    expect(said).to_contain_text("2 clips of restricted recordings stayed here")
    assert hub.created[0]["visibility"] == "private"
    pictures = [name for name in hub.files if name.endswith(".png")]
    assert len(pictures) == 2
    assert all(OPEN in name for name in pictures)
    secret = [each.read_bytes() for each in place.dataset("demo").rglob(f"{CLOSED}*.png")]
    assert len(secret) == 2
    assert not any(each in sent for each in secret for sent in hub.files.values())


def test_on_a_phone_nothing_of_the_opened_form_is_cut_off(page, url):
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, url)
    page.locator("#export-more").get_by_role("button").first.click()
    for said in ("Everybody may see it", "Replace a dataset of this name", "Count rows from the"):
        words = page.get_by_text(said)
        expect(words).to_be_visible()
        assert words.evaluate("e => e.scrollWidth <= e.clientWidth || !e.clientWidth")
        box = words.bounding_box()
        assert box["width"] > 100  # in a line or two, not a letter a line
        assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
