"""The search of the catalogue in the page, without a browser."""

import resource
import threading
import time
from types import SimpleNamespace

import gradio as gr
import pytest

from core.batch import Batch
from core.catalog_orders import Row, orders_of
from core.errors import StudioError
from core.intake import Failure
from core.youtube import Order
from studio.downloads import Downloads, downloads_html
from studio.finder import PAGE, Finder, Hunt, rows_html, summary
from studio.finder_panel import change_source, fetch, fetch_links, press, search, tick, turn
from tests.catalogue import ARTIST, CONCERT, page, pages_v2, row, write_pages
from tests.sounds import encode, melody
from tests.videos import ALSO_GOOD, GONE, GOOD, served_videos, site_of

NOTHING = (None,) * 6


def quiet(*_, **__) -> None:
    """Show no progress."""


@pytest.fixture
def finder(workspace, tmp_path) -> Finder:
    made = Finder(workspace)
    made.change_source(str(write_pages(tmp_path / "Carnatic", pages_v2())))
    return made


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    path = tmp_path_factory.mktemp("videos") / "a.webm"
    content = encode(path, melody(3.0, 48_000), 48_000, "libopus").read_bytes()
    with served_videos(content) as server:
        yield server


@pytest.fixture
def downloads(workspace, library, videos):
    videos.pause_s = 0.0
    made = Downloads(workspace, library, site_of(videos))
    yield made
    made.stop()


def found(finder, library, *given, minutes=0.0, known=False) -> list:
    return search(finder, library, *given, minutes, known, None, progress=quiet)


def ended(downloads: Downloads) -> None:
    for _ in range(600):
        if not downloads.is_running:
            return
        time.sleep(0.05)
    pytest.fail("The downloads did not end within half a minute.")


# Searching


def test_a_search_fills_the_table_and_counts_each_value(finder, library):
    _, table, said, page_said, button, *dropdowns = found(finder, library, ARTIST, *NOTHING[1:])
    assert "Nidhi Chala" in table
    assert "9:05" in table
    assert "8 rows" in said
    assert "1 likely uploaded again" in said
    assert page_said == "Page 1 of 1"
    assert button.interactive is False
    ragas = dict(dropdowns[1].choices)
    assert ragas["Mohanam (2)"] == "Mohanam"
    assert dropdowns[0].value == ARTIST
    assert "N. Ramani" in dict(dropdowns[0].choices)  # another may be chosen
    talas = dict(dropdowns[2].choices)
    assert talas["Khanda chapu (3)"] == "Khanda chapu"
    assert "Adi" in talas


def test_before_a_search_each_value_has_its_count_over_all_concerts(finder):
    choices = finder.choices(Hunt())
    assert ("alapanai (1)", "alapanai") in choices["section"]
    assert ("Mohanam (1)", "Mohanam") in choices["raga"]
    assert ("Adi", "Adi") in choices["tala"]


def test_a_choice_in_any_spelling_becomes_the_catalogue_s(finder, library):
    *_, artist, raga, _, _, _, _ = found(finder, library, None, "mohana", *NOTHING[2:])
    assert raga.value == "Mohanam"
    assert artist.value is None


def test_nothing_chosen_asks_for_a_choice_and_a_wrong_name_is_said(finder, library):
    assert "Choose an artist" in found(finder, library, *NOTHING)[1]
    assert "Choose an artist" in found(finder, library, None, None, "Adi", *NOTHING[3:])[1]
    table = found(finder, library, "Lalgudi <b>Jayram", *NOTHING[1:])[1]
    assert 'role="alert"' in table
    assert "&lt;b&gt;" in table


def test_one_page_of_rows_goes_to_the_browser_however_many_there_are(workspace, library, tmp_path):
    rows = [row(f"v{k:010}", 10, 2, f"{k % 50 + 1}:{k % 60:02}") for k in range(2000)]
    finder = Finder(workspace)
    pages = {**pages_v2(), f"artist/{ARTIST}": page(4, ARTIST, rows)}
    finder.change_source(str(write_pages(tmp_path / "many", pages)))
    hunt, table, *_ = found(finder, library, ARTIST, *NOTHING[1:])
    assert table.count("<tr>") == PAGE + 1
    assert len(table) < 20_000
    _, table, _, page_said, _ = turn(library, hunt, 1)
    assert f'data-row="{PAGE}"' in table
    assert page_said.startswith("Page 2 of ")
    assert turn(library, hunt, 10**6)[3] == f"Page {hunt.n_pages} of {hunt.n_pages}"


def test_text_of_the_catalogue_stays_text(workspace, library, tmp_path):
    pages = pages_v2()
    pages["id"] = {**pages["id"], "song": {"10": ["<img src=x onerror=alert(1)>", ""]}}
    finder = Finder(workspace)
    finder.change_source(str(write_pages(tmp_path / "odd", pages)))
    assert "<img" not in found(finder, library, ARTIST, *NOTHING[1:])[1]


def test_the_source_is_kept_and_a_wrong_one_changes_nothing(finder, library, workspace, tmp_path):
    before = finder.source
    for wrong in (str(tmp_path / "nowhere"), "file:///etc", "http://127.0.0.1:9/x", str(tmp_path)):
        with pytest.raises(gr.Error):
            change_source(finder, library, wrong, None)
    assert finder.source == before == Finder(workspace).source


def test_a_space_searches_and_fetches_for_its_owner_alone(finder, library, downloads, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "someone/studio")
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "someone")
    assert "off on this Space" in found(finder, library, ARTIST, *NOTHING[1:])[1]
    for refused in (
        lambda: fetch_links(downloads, GOOD, None),
        lambda: change_source(finder, library, "", None),
        lambda: press(downloads, SimpleNamespace(what="retry"), None),
        lambda: fetch(finder, library, downloads, Hunt(), None, progress=quiet),
    ):
        with pytest.raises(gr.Error, match="off on this Space"):
            refused()


# Ticking and fetching


def test_ticked_rows_are_fetched_with_all_that_is_known(finder, library, downloads):
    hunt, *_ = found(finder, library, ARTIST, "Mohanam", *NOTHING[2:])
    number = hunt.found.rows.index[hunt.found.rows.video_id == CONCERT][0]
    _, button = tick(hunt, SimpleNamespace(rows=[0, 1], on=[int(number)]))
    assert button.value == "Download 1 row (1 video)"
    fetch(finder, library, downloads, hunt, None, progress=quiet)
    ended(downloads)
    assert [each.section for each in library.segments(f"yt-{CONCERT}")] == ["kriti", "alapanai"]
    assert library.segments(f"yt-{CONCERT}")[0].tala == "Khanda chapu"
    assert "in the library" in rows_html(hunt, frozenset({CONCERT}))
    assert not hunt.ticked


def test_a_tick_that_means_no_row_is_not_taken(finder, library):
    hunt, *_ = found(finder, library, ARTIST, *NOTHING[1:])
    tick(hunt, SimpleNamespace(rows=[0], on=[-1, 10**9, "0", None, 0]))
    assert hunt.ticked == {0}
    assert summary(hunt)


def test_nothing_ticked_is_said(finder, library, downloads):
    with pytest.raises(gr.Error, match="No row is ticked"):
        fetch(finder, library, downloads, None, None, progress=quiet)


def test_links_are_fetched_and_a_wrong_one_is_refused_at_once(library, downloads):
    for wrong in ("https://www.youtube.com/playlist?list=PL1234567890", "http://10.0.0.1/x", " "):
        with pytest.raises(gr.Error):
            fetch_links(downloads, wrong, None)
    cleared, *_ = fetch_links(downloads, f"{GOOD}\nhttps://youtu.be/{ALSO_GOOD}", None)
    ended(downloads)
    assert cleared == ""
    assert {each.id for each in library.recordings()} == {f"yt-{GOOD}", f"yt-{ALSO_GOOD}"}


def test_a_failed_video_is_explained_and_alone_tried_again(library, downloads, videos):
    downloads.start([Order(GONE), Order(GOOD)])
    ended(downloads)
    html = downloads_html(downloads)
    assert "The video was removed" in html
    assert 'data-do="retry"' in html
    assert f'data-open="yt-{GOOD}"' in html
    videos.asked.clear()
    press(downloads, SimpleNamespace(what="retry"), None)
    ended(downloads)
    assert {name for _, name, _ in videos.asked} == {GONE}


def test_another_upload_takes_the_place_of_one_that_failed(library, downloads):
    row = Row(GONE, section="alapanai", raga="Todi", uploads=f"{GOOD} {ALSO_GOOD}")
    downloads.start(orders_of([row]))
    ended(downloads)
    assert f'data-do="instead:{GOOD}"' in downloads_html(downloads)
    press(downloads, SimpleNamespace(what="instead:elsewhere__"), None)  # nobody offered that
    press(downloads, SimpleNamespace(what=f"instead:{GOOD}"), None)
    ended(downloads)
    (recording,) = library.recordings()
    assert (recording.id, recording.raga) == (f"yt-{GOOD}", "Todi")
    assert [each.section for each in library.segments(recording.id)] == ["alapanai"]
    assert downloads.batch.of("failed") == []


def test_cancelled_videos_wait_and_go_on_even_after_a_restart(
    workspace, library, downloads, videos
):
    videos.pause_s = 0.05
    downloads.start([Order(GOOD), Order(ALSO_GOOD)])
    assert 'data-state="running"' in downloads_html(downloads)
    press(downloads, SimpleNamespace(what="cancel"), None)
    ended(downloads)
    videos.pause_s = 0.0
    assert "2 videos wait" in downloads_html(downloads)
    again = Downloads(workspace, library, site_of(videos))
    assert "2 videos wait" in downloads_html(again)
    press(again, SimpleNamespace(what="resume"), None)
    ended(again)
    assert len(library.recordings()) == 2
    press(again, SimpleNamespace(what="clear"), None)
    assert downloads_html(again) == ""


def test_a_full_disk_is_said_and_all_that_waits_goes_on_waiting(library, downloads):
    """No file of the process may grow beyond 8 kB, which the system reports like a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, hard))
    try:
        downloads.start([Order(GOOD), Order(ALSO_GOOD)])
        ended(downloads)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    html = downloads_html(downloads)
    assert "The disk is full" in html
    assert "2 videos wait" in html
    press(downloads, SimpleNamespace(what="resume"), None)
    ended(downloads)
    assert len(library.recordings()) == 2


def test_a_batch_survives_two_writers_and_a_damaged_file(workspace):
    batch = Batch(workspace)
    orders = [Order(f"{k:011}") for k in range(40)]
    threads = [threading.Thread(target=batch.add, args=([order],)) for order in orders]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(Batch(workspace).of("waiting")) == 40
    batch.heard(orders[0].video_id, Failure("x", "why"))
    assert Batch(workspace).of("failed")[0].reason == "why"
    (workspace.downloads() / "batch.json").write_text("[{")
    assert Batch(workspace).items == []


def test_an_error_of_the_catalogue_is_one_a_user_can_mend(finder):
    with pytest.raises(StudioError):
        finder.orders(Hunt(), quiet)
