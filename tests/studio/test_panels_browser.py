"""Exchange and review as people use them, on Chromium."""

import pytest
from playwright.sync_api import expect

from core.records import Segment
from core.review import reviews
from studio.editor import setup

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

ID = "file-tones"
PATIENCE_MS = 90_000


@pytest.fixture(scope="module", autouse=True)
def installed():
    setup.main()


def _open(studio, page, panel):
    page.goto(f"{studio.url}/?tab=segment&recording={ID}")
    page.wait_for_selector(".editor-body[data-ready=true]", timeout=PATIENCE_MS)
    page.locator(f"#{panel} > button").click()


def _clear(studio):
    library = studio.library
    library.edit(deleted=[each.id for each in library.segments(ID)])


def test_a_file_is_asked_about_imported_and_taken_out_again(studio, page, tmp_path):
    _clear(studio)
    page.add_init_script("localStorage.setItem('studio.annotator', 'Meena')")
    _open(studio, page, "exchange")
    labels = tmp_path / "labels.txt"
    labels.write_text("0\t30\tRagam\n30\t60\tMystery\n")
    page.locator("#exchange-file input[type=file]").set_input_files(labels)
    page.get_by_label("What Mystery is").select_option("tanam")
    expect(page.locator("#exchange-start")).to_be_disabled()
    page.get_by_role("button", name="Use these answers").click()
    expect(page.locator("#exchange-start")).to_be_enabled()
    page.locator("#exchange-start").click()
    expect(page.locator("#exchange-seen")).to_contain_text("2 regions imported")
    found = [(each.section, each.annotator) for each in studio.library.segments(ID)]
    assert found == [("alapanai", "Meena"), ("tanam", "Meena")]
    expect(page.locator(".list tbody tr")).to_have_count(2)  # the editor saw it

    page.locator("#exchange > button").click()
    page.locator("#exchange > button").click()
    link = page.locator("#exchange-out a")
    expect(link).to_contain_text("2 regions")
    with page.expect_download() as taken:
        link.click()
    assert taken.value.suggested_filename == f"{ID}.csv"
    assert "tanam" in taken.value.path().read_text()


def test_a_reviewer_on_a_phone_sends_back_and_approves(studio, browser):
    _clear(studio)
    library = studio.library
    library.save_all([Segment(ID, 0, 30, "alapanai"), Segment(ID, 30, 60, "kriti")], "Meena")
    library.save_all([Segment(ID, 0, 40, "alapanai"), Segment(ID, 40, 60, "kriti")], "Ravi")
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.add_init_script("localStorage.setItem('studio.annotator', 'Ravi')")
    _open(studio, page, "review")
    expect(page.locator(".list tbody tr")).to_have_count(4)
    page.get_by_label("hide others' regions").check()
    expect(page.locator(".list tbody tr")).to_have_count(2)  # Ravi's own
    expect(page.locator(".wave .segment")).to_have_count(2)
    page.get_by_label("hide others' regions").uncheck()
    expect(page.locator(".list tbody tr")).to_have_count(4)
    expect(page.locator(".measures")).to_contain_text("83 %")
    page.get_by_role("button", name="Listen to 0:30.0 – 0:40.0").tap()
    expect(page.locator(".transport .time")).to_contain_text("0:00:3")
    page.get_by_label("Note on alapanai, 0:00.0 – 0:30.0").fill("Listen until 0:40.")
    row = page.locator("#review-table tr").filter(has_text="0:00.0 – 0:30.0")
    row.get_by_role("button", name="Send back").tap()
    expect(page.locator("#review-table")).to_contain_text("1 sent back")
    row = page.locator("#review-table tr").filter(has_text="0:30.0 – 1:00.0")
    row.get_by_role("button", name="Approve").tap()
    expect(page.locator("#review-table")).to_contain_text("1 approved")
    stages = {each.segment.start_s: (each.stage, each.reviewer) for each in reviews(library, ID)}
    assert stages[30] == ("approved", "Ravi")
    sent = next(each for each in reviews(library, ID) if each.stage == "sent back")
    assert (sent.segment.note, sent.reviewer) == ("Listen until 0:40.", "Ravi")
    page.locator("#progress > button").tap()
    expect(page.locator("#progress")).to_contain_text("Hours by section")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
