"""The waveform editor as a person uses it: a real mouse and keyboard on Chromium."""

import pytest
from playwright.sync_api import expect

from studio.editor import setup
from tests.studio.conftest import LENGTH_S, segment

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)  # two cores may be shared with a training run

ID = "file-tones"
PATIENCE_MS = 90_000  # gradio's page alone takes a busy machine half a minute to open


@pytest.fixture(scope="module", autouse=True)
def installed():
    setup.main()


@pytest.fixture
def editor(studio, page):
    """The recording, without a single region, opened in the Segment tab."""
    _clear(studio)
    _open(studio, page)
    yield page
    _clear(studio)


def _clear(studio):
    library = studio.library
    library.edit(deleted=[each.id for each in library.segments(ID)])


def _open(studio, page):
    page.goto(f"{studio.url}/?tab=segment&recording={ID}")
    page.wait_for_selector(".editor-body[data-ready=true]", timeout=PATIENCE_MS)


def _drag(page, start_s, end_s, y=50):
    box = page.locator(".wave").bounding_box()
    at = [box["x"] + box["width"] * s / LENGTH_S for s in (start_s, end_s)]
    page.mouse.move(at[0], box["y"] + y)
    page.mouse.down()
    page.mouse.move((at[0] + at[1]) / 2, box["y"] + y, steps=8)
    page.mouse.move(at[1], box["y"] + y, steps=8)
    page.mouse.up()


def _saved(page):
    expect(page.locator(".state")).to_have_attribute("data-state", "saved")


def _only(studio):
    (found,) = studio.library.segments(ID)
    return found


def test_a_dragged_region_is_saved_at_once_and_there_after_a_reload(studio, editor):
    _drag(editor, 20, 50)
    editor.keyboard.press("3")
    _saved(editor)
    found = _only(studio)
    assert found.section == "kriti"
    assert found.start_s == pytest.approx(20, abs=0.3)  # a pixel is 0.08 s
    assert found.end_s == pytest.approx(50, abs=0.3)
    _open(studio, editor)
    expect(editor.locator(".list tbody tr")).to_have_count(1)
    expect(editor.locator(".list")).to_contain_text("kriti")


def test_the_lower_lane_takes_violin_passages(studio, editor):
    _drag(editor, 5, 40)
    _drag(editor, 10, 20, y=140)
    _saved(editor)
    assert [each.section for each in studio.library.segments(ID)] == ["alapanai", "violin"]


def test_a_region_is_moved_and_resized_without_moving_the_playhead_or_the_view(studio, editor):
    studio.library.save(segment(ID, 20, 40))
    _open(studio, editor)
    editor.locator(".list button.name").click()
    before = editor.locator(".transport .time").inner_text()
    _drag(editor, 30, 45)
    _saved(editor)
    moved = _only(studio)
    assert moved.start_s == pytest.approx(35, abs=0.4)
    assert moved.duration_s == pytest.approx(20, abs=0.01)
    _drag(editor, moved.end_s - 0.1, 70)
    _saved(editor)
    resized = _only(studio)
    assert resized.start_s == moved.start_s
    assert resized.end_s == pytest.approx(70, abs=0.4)
    assert editor.locator(".transport .time").inner_text() == before


def test_an_overlap_is_refused_in_words_and_the_region_put_back(studio, editor):
    first = studio.library.save(segment(ID, 10, 30)).segment
    studio.library.save(segment(ID, 50, 70, section="kriti"))
    _open(studio, editor)
    _drag(editor, 20, 50)
    expect(editor.locator(".state")).to_have_attribute("data-state", "refused")
    expect(editor.locator(".state")).to_contain_text("overlaps")
    expect(editor.locator(".list tbody tr").first).to_contain_text("0:00:10.0")
    assert studio.library.segment(first.id).start_s == 10


def test_keys_split_approve_undo_and_redo(studio, editor):
    studio.library.save(segment(ID, 10, 50))
    _open(studio, editor)
    box = editor.locator(".wave").bounding_box()
    editor.mouse.click(box["x"] + box["width"] * 30 / LENGTH_S, box["y"] + 60)
    editor.keyboard.press("s")
    expect(editor.locator(".list tbody tr")).to_have_count(2)
    editor.keyboard.press("a")
    expect(editor.locator(".list")).to_contain_text("approved", ignore_case=True)
    _saved(editor)
    editor.keyboard.press("Control+z")
    editor.keyboard.press("Control+z")
    expect(editor.locator(".list tbody tr")).to_have_count(1)
    editor.keyboard.press("Control+Shift+z")
    expect(editor.locator(".list tbody tr")).to_have_count(2)
    _saved(editor)
    cut = studio.library.segments(ID)
    assert cut[0].end_s == cut[1].start_s == pytest.approx(30, abs=0.3)


def test_a_raga_is_found_in_any_spelling_and_its_scale_shown(studio, editor):
    studio.library.save(segment(ID, 10, 50))
    _open(studio, editor)
    editor.locator(".list button.name").click()
    raga = editor.get_by_role("region", name="Selected region").get_by_label("Raga", exact=True)
    raga.fill("reethigowla")
    expect(editor.locator("[role=listbox] [role=option]").first).to_be_visible()
    raga.press("Enter")
    _saved(editor)
    assert _only(studio).raga == "Reetigowla"
    expect(editor.locator(".inspector")).to_contain_text("S G2 R2 G2 M1")


def test_what_no_one_knows_is_refused_with_a_suggestion(studio, editor):
    studio.library.save(segment(ID, 10, 50))
    _open(studio, editor)
    editor.locator(".list button.name").click()
    raga = editor.get_by_role("region", name="Selected region").get_by_label("Raga", exact=True)
    raga.fill("Kalyni")
    raga.press("Tab")
    expect(editor.locator(".state")).to_contain_text("Did you mean")
    assert _only(studio).raga is None


def test_keys_typed_into_a_field_are_text(studio, editor):
    studio.library.save(segment(ID, 10, 50))
    _open(studio, editor)
    editor.locator(".list button.name").click()
    note = editor.get_by_label("Note")
    note.press_sequentially("as a 3")
    note.press("Tab")
    _saved(editor)
    found = _only(studio)
    assert (found.note, found.section, found.status) == ("as a 3", "alapanai", "draft")


def test_sound_plays_from_where_one_clicks_and_loops_a_region(studio, editor):
    studio.library.save(segment(ID, 60, 60.5))
    _open(studio, editor)
    editor.locator(".list button.name").click()
    editor.locator(".editor-body").focus()
    editor.keyboard.press("l")
    expect(editor.locator(".transport .time")).to_contain_text("0:01:00")
    editor.wait_for_timeout(1200)  # more than twice through
    expect(editor.locator(".transport .time")).to_contain_text("0:01:00")
    expect(editor.get_by_role("button", name="Pause")).to_be_visible()


def test_zooming_keeps_what_is_under_the_cursor_and_fit_shows_all(studio, editor):
    box = editor.locator(".wave").bounding_box()
    editor.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 60)
    for _ in range(4):
        editor.keyboard.press("+")
    expect(editor.locator(".strip img.here").first).to_be_visible()
    hidden = editor.evaluate("document.querySelector('[part=minimap-overlay]').style.width")
    assert float(hidden.rstrip("%")) == pytest.approx(100 / 16, rel=0.05)
    editor.keyboard.press("f")
    expect(editor.locator("[part=minimap-overlay]")).to_have_css("left", "0px")


def test_suggestions_are_shown_with_their_confidence_until_someone_accepts_them(studio, editor):
    studio.library.save(segment(ID, 10, 50, origin="suggested", confidence=0.82))
    _open(studio, editor)
    label = editor.locator(".wave .segment .label")
    expect(label).to_have_text("82 % alapanai")
    editor.locator(".list button.name").click()
    editor.locator(".editor-body").focus()
    editor.keyboard.press("a")
    expect(label).to_have_text("✓ alapanai")
    _saved(editor)
    assert _only(studio).origin == "suggested"


def test_text_is_shown_as_text(studio, editor):
    hostile = "<img src=x onerror=document.body.dataset.hit=1>${document.title}{{7*7}}"
    studio.library.save(segment(ID, 10, 50, composer=hostile, note=hostile, artist=hostile))
    _open(studio, editor)
    editor.locator(".list button.name").click()
    expect(editor.get_by_label("Note")).to_have_value(hostile)
    assert editor.evaluate("document.body.dataset.hit") is None


def test_the_cheat_sheet_opens_with_a_question_mark_and_closes_with_escape(editor):
    editor.locator(".editor-body").focus()
    editor.keyboard.press("?")
    sheet = editor.get_by_role("dialog", name="Keyboard")
    expect(sheet).to_contain_text("Split at the cursor")
    editor.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_an_edit_waits_for_a_lost_connection_and_is_saved_when_it_is_back(studio, editor):
    editor.context.set_offline(True)
    _drag(editor, 20, 50)
    expect(editor.locator(".state")).to_contain_text("No connection", timeout=10_000)
    editor.context.set_offline(False)
    _saved(editor)
    assert _only(studio).section == "alapanai"


def test_two_pages_see_each_others_regions(studio, editor):
    other = editor.context.new_page()
    _open(studio, other)
    _drag(editor, 20, 50)
    _saved(editor)
    expect(other.locator(".list tbody tr")).to_have_count(1, timeout=10_000)


def test_the_editor_fits_a_phone(studio, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    _clear(studio)
    studio.library.save(segment(ID, 10, 50))
    _open(studio, page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".list button.name").tap()
    page.get_by_role("button", name="Approve").tap()
    _saved(page)
    assert _only(studio).status == "approved"
    context.close()
