"""The page around the editor, on Chromium: what one sees at once, on a phone, and offline."""

import json
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.studio.conftest import segment

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)  # two cores may be shared with a training run

TABS = ("Concerts", "Segment", "Captions", "Train", "Play")
PATIENCE_MS = 90_000  # gradio's page alone takes a busy machine half a minute to open


@pytest.fixture
def marked(studio):
    """An alapanai in the recording."""
    saved = studio.library.save(segment("file-tones", 10, 50)).segment
    yield saved
    studio.library.delete(saved.id)


def _open(studio, page, query=""):
    page.goto(studio.url + query)
    page.wait_for_selector(".masthead", timeout=PATIENCE_MS)


def test_a_step_leads_to_its_tab_and_the_address_names_it(studio, page):
    _open(studio, page)
    page.get_by_role("button", name="Say what they are").click()
    expect(page.get_by_role("tab", name="Captions")).to_have_attribute("aria-selected", "true")
    page.wait_for_url("**tab=captions**")
    _open(studio, page, "?tab=captions")
    expect(page.get_by_role("tab", name="Captions")).to_have_attribute("aria-selected", "true")


def test_the_address_is_left_alone_until_what_it_names_is_open(studio, page):
    """Gradio selects the first tab as it opens; were that written down, a reload would go there."""
    page.add_init_script(
        "const kept = history.replaceState; window.addresses = [];"
        "history.replaceState = function (state, title, url) {"
        "  window.addresses.push(String(url)); return kept.apply(this, arguments); };"
    )
    _open(studio, page, "?tab=segment&recording=file-tones")
    page.wait_for_selector(".editor-body[data-ready=true]", timeout=PATIENCE_MS)
    written = page.evaluate("window.addresses")
    assert written
    assert not [address for address in written if "tab=concerts" in address]


def test_a_concert_opens_in_the_editor_and_again_after_a_reload(studio, page):
    _open(studio, page)
    page.get_by_role("button", name="Open Evening concert").click()
    page.wait_for_selector(".editor-body[data-ready=true]", timeout=PATIENCE_MS)
    page.reload()
    page.wait_for_selector(".editor-body[data-ready=true]", timeout=PATIENCE_MS)


def test_a_template_is_worded_over_real_regions_as_one_types(studio, page, marked):
    _open(studio, page, "?tab=captions")
    preview = page.locator("#captions")
    expect(preview).to_contain_text("Alapanai in raga Mohanam")
    page.locator("#template-text textarea").fill("Slowly, in {raga}")
    expect(preview).to_contain_text("Slowly, in Mohanam")
    page.locator("#template-text textarea").fill("Slowly, in {rga}")
    expect(preview).to_contain_text("which is no field")


def test_a_caption_by_hand_survives_and_is_counted_and_exported(studio, page, marked):
    studio.library.save(replace(marked, status="approved"))
    _open(studio, page, "?tab=captions")
    captions = page.locator("#captions")
    captions.get_by_role("button", name="Edit").click()
    captions.get_by_label("Caption by hand").fill("A slow Mohanam ${1+1} <b>loud</b>")
    captions.get_by_role("button", name="Keep").click()
    expect(captions.locator(".badge")).to_have_text("by hand", timeout=PATIENCE_MS)
    _open(studio, page, "?tab=captions")
    expect(captions.locator("q")).to_have_text("A slow Mohanam ${1+1} <b>loud</b>")
    page.locator("#export-name input, #export-name textarea").fill("by-hand")
    page.get_by_role("button", name="Clips, pictures and balance").click()  # as they stand
    page.locator("#export-count").click()
    expect(page.locator("#export-said")).to_contain_text("3 clips", timeout=PATIENCE_MS)
    page.locator("#export-go").click()
    expect(page.locator("#export-said")).to_contain_text("Exported by-hand", timeout=PATIENCE_MS)
    table = studio.workspace.dataset("by-hand") / "train/metadata.jsonl"
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    assert {(row["text"], row["caption_origin"]) for row in rows} == {
        ("A slow Mohanam ${1+1} <b>loud</b>", "human")
    }
    captions.get_by_role("button", name="Edit").click()
    captions.get_by_role("button", name="As the template says").click()
    expect(captions.locator("q")).to_have_text("Alapanai in raga Mohanam", timeout=PATIENCE_MS)


def test_what_is_not_known_leads_to_its_region_and_a_region_is_heard_there(studio, page, marked):
    _open(studio, page, "?tab=captions")
    page.get_by_role("button", name="1 region has no tala").click()
    captions = page.locator("#captions")
    expect(captions).to_contain_text("Only regions with no tala", timeout=PATIENCE_MS)
    heard = captions.locator("audio").evaluate(
        """async (player) => {
             player.muted = true;
             await player.play();
             return player.currentTime;
           }"""
    )
    assert heard == pytest.approx(10, abs=0.5)
    captions.get_by_role("button", name="Open").click()
    page.wait_for_selector(".editor-body[data-ready=true]", timeout=PATIENCE_MS)
    chosen = page.get_by_role("region", name="Selected region")
    expect(chosen.get_by_label("Raga", exact=True)).to_be_visible()
    expect(page.locator(".list tr[aria-selected=true], .list tr.selected")).to_have_count(1)


def test_nothing_is_asked_of_another_host(studio, page):
    hosts = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    _open(studio, page)
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
    assert hosts <= {"127.0.0.1", None}  # none: pictures inside the page


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_fits_a_phone(studio, browser, tab):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    _open(studio, page, f"?tab={tab.lower()}")
    expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
