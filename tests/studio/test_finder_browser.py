"""On Chromium: search, tick, download, and the concert is in the Segment tab with its rows."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from core.library import Library
from core.workspace import Workspace
from tests.catalogue import ARTIST, CONCERT, GONE, pages_v2, write_pages
from tests.sounds import encode, melody
from tests.studio.conftest import Opened, opened_studio
from tests.videos import served_videos, site_of

pytestmark = pytest.mark.browser
PATIENCE_MS = 90_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def hall(tmp_path_factory) -> Iterator[Opened]:
    """A studio whose catalogue is a folder and whose videos come from a server of this machine."""
    from studio.downloads import Downloads
    from studio.finder import Finder

    root = tmp_path_factory.mktemp("hall")
    workspace = Workspace.at(root / "workspace")
    library = Library.of(workspace)
    Finder(workspace).change_source(str(write_pages(root / "Carnatic", pages_v2())))
    sound = encode(root / "a.webm", melody(12.0, 48_000), 48_000, "libopus").read_bytes()
    with served_videos(sound) as server:
        downloads = Downloads(workspace, library, site_of(server))
        with opened_studio(workspace, library, None, downloads) as opened:
            yield opened


def choose(page: Page, facet: str, typed: str, option: str) -> None:
    """Type into a dropdown and take one of what it offers."""
    box = page.locator(f"#find-{facet} input")
    box.click()
    box.press_sequentially(typed)
    page.get_by_role("option", name=option).click()


def test_search_tick_download_and_mark(hall, page):
    page.goto(hall.url)
    page.wait_for_selector("#find-artist input", timeout=PATIENCE_MS)
    choose(page, "artist", "lalgudi", ARTIST)
    expect(page.locator("#found")).to_contain_text("Nidhi Chala")
    choose(page, "raga", "moh", "Mohanam (2)")
    expect(page.locator("#found tbody tr")).to_have_count(2)
    page.get_by_label("All on this page").check()
    download = page.locator("#found-download")
    expect(download).to_have_text("Download 2 rows (2 videos)")
    download.click()
    downloads = page.locator("#downloads")
    expect(downloads.locator("[data-state=still]")).to_be_attached()
    expect(downloads).to_contain_text("The video was removed")  # and the other came all the same
    expect(downloads.get_by_role("button", name="Retry the 1 that failed")).to_be_visible()
    expect(page.locator("#concerts")).to_contain_text("restricted")
    downloads.get_by_role("button", name="Open").click()
    page.wait_for_selector(".editor-body[data-ready=true]", timeout=PATIENCE_MS)
    expect(page.get_by_role("tab", name="Segment")).to_have_attribute("aria-selected", "true")
    assert hall.library.has(f"yt-{CONCERT}")
    assert not hall.library.has(f"yt-{GONE}")
    drafts = hall.library.segments(f"yt-{CONCERT}")
    assert [(each.section, each.origin, each.status) for each in drafts] == [
        ("kriti", "catalog", "draft"),
        ("alapanai", "catalog", "draft"),
    ]
    expect(page.locator(".editor-body")).to_contain_text("Mohanam")


def test_the_search_fits_a_phone_and_works_by_keyboard(hall, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(hall.url)
    page.wait_for_selector("#find-artist input", timeout=PATIENCE_MS)
    box = page.locator("#find-artist input")
    box.focus()
    box.press_sequentially("ramani")
    box.press("Enter")
    expect(page.locator("#found tbody tr")).to_have_count(1)
    tick = page.locator("#found tbody input")
    tick.focus()
    tick.press("Space")
    expect(page.locator("#found-download")).to_have_text("Download 1 row (1 video)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
