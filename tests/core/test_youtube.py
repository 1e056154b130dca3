import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core import audio, download
from core.chapters import add_drafts, chapter_drafts, read
from core.errors import DownloadError
from core.library import Library
from core.records import Recording, Segment
from core.refusals import Heard, explained, refuse_unfit
from core.youtube import Downloader, Order, Site, is_link, video_id
from tests.sounds import encode, melody
from tests.videos import ALSO_GOOD, BROKEN, GONE, GOOD, HUGE, WORDS, served_videos, site_of

SECONDS = 3.0


@pytest.fixture(scope="module")
def concert(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("site") / "a.webm"
    return encode(path, melody(SECONDS, 48_000), 48_000, "libopus").read_bytes()


@pytest.fixture
def server(concert) -> Iterator:
    with served_videos(concert) as running:
        yield running


@pytest.fixture
def library(workspace) -> Iterator[Library]:
    library = Library.of(workspace)
    yield library
    library.close()


@pytest.fixture
def downloader(server, workspace, library) -> Downloader:
    return Downloader(workspace, library, site_of(server))


# Links


@pytest.mark.parametrize(
    "link",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/watch?list=PLx&v=dQw4w9WgXcQ&t=3",
        " youtu.be/dQw4w9WgXcQ?si=abc ",
        "https://m.youtube.com/shorts/dQw4w9WgXcQ",
        "http://music.youtube.com/watch?v=dQw4w9WgXcQ#t=3",
        "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ",
        "https://youtube.com/live/dQw4w9WgXcQ?feature=share",
        "dQw4w9WgXcQ",
    ],
)
def test_the_id_is_found_in_every_kind_of_link(link):
    assert video_id(link) == "dQw4w9WgXcQ"


@pytest.mark.parametrize(
    "link",
    [
        "file:///etc/passwd",
        "http://127.0.0.1/watch?v=dQw4w9WgXcQ",
        "http://169.254.169.254/latest",
        "https://youtube.com.evil.org/watch?v=dQw4w9WgXcQ",
        "https://evil.org/?u=https://youtube.com/watch?v=dQw4w9WgXcQ",
        "https://user@www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/watch?v=short",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQextra",
        "https://www.youtube.com/ElevenChars",
        "https://www.youtube.com/watch?v=../../../../",
        "",
    ],
)
def test_a_link_that_leads_elsewhere_is_refused(link):
    with pytest.raises(DownloadError, match="no link to a YouTube video"):
        video_id(link)


@pytest.mark.parametrize(
    "link",
    [
        "https://www.youtube.com/playlist?list=PL1234567890",
        "https://www.youtube.com/@carnatic",
        "https://www.youtube.com/channel/UCabcdefghi",
    ],
)
def test_a_list_where_a_video_is_wanted_is_refused(link):
    with pytest.raises(DownloadError, match="list of videos"):
        video_id(link)


def test_what_a_person_means_as_an_address():
    assert is_link("https://example.org/a.mp3")
    assert is_link("youtu.be/dQw4w9WgXcQ")
    assert is_link("file:///etc/passwd")  # so that it is refused as a link, not opened as a file
    assert not is_link("tapes/youtube.com.mp3")
    assert not is_link("dQw4w9WgXcQ")


def test_only_youtube_is_asked_unless_a_test_says_otherwise():
    assert Site().extractors == ("youtube",)
    assert Site().address.format("x") == "https://www.youtube.com/watch?v=x"


def test_a_site_outside_the_allowed_one_is_refused_by_the_extractors_too(downloader, server):
    strict = replace(downloader, site=replace(downloader.site, extractors=("youtube",)))
    result = strict.run([GOOD])
    assert list(result) == []
    assert server.asked == []
    assert "YouTube video" in result.failed[0].reason


# Downloads


def test_a_video_becomes_a_restricted_recording_with_its_metadata(downloader, workspace, library):
    told = []
    (recording,) = downloader.run([GOOD], lambda share, words: told.append((share, words)))
    assert library.recordings() == [recording]
    assert recording.id == f"yt-{GOOD}"
    assert recording.rights == "restricted"
    assert recording.duration_s == pytest.approx(SECONDS, abs=0.03)
    assert audio.info(workspace.audio(recording.id)).format == "matroska"
    assert workspace.playback(recording.id).exists()
    assert workspace.peaks(recording.id).exists()
    assert list(workspace.downloads().iterdir()) == []
    kept = json.loads(workspace.audio_target(recording.id, ".json").read_text())
    assert kept["id"] == GOOD
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert any("%" in words for _, words in told)


def test_what_is_there_is_not_fetched_again(downloader, server):
    downloader.run([GOOD])
    n_asked = len(server.asked)
    assert len(downloader.run([GOOD])) == 1
    assert len(server.asked) == n_asked


def test_a_failed_video_never_stops_the_others_and_is_tried_again(downloader, server, library):
    result = downloader.run([GONE, "file:///etc/passwd", GOOD, WORDS, BROKEN, ALSO_GOOD])
    assert [each.id for each in result] == [f"yt-{GOOD}", f"yt-{ALSO_GOOD}"]
    reasons = {each.what: each.reason for each in result.failed}
    assert set(reasons) == {GONE, "file:///etc/passwd", WORDS, BROKEN}
    assert "removed" in reasons[GONE]
    assert "no link" in reasons["file:///etc/passwd"]
    assert "cut short" in reasons[BROKEN]
    server.asked.clear()
    again = downloader.run([GONE, GOOD])
    assert [each.what for each in again.failed] == [GONE]
    assert {name for _, name, _ in server.asked} == {GONE}


def test_more_than_two_gigabytes_are_not_fetched(downloader, workspace, library):
    result = downloader.run([HUGE, GOOD])
    assert "larger than 2 GB" in result.failed[0].reason
    assert [each.id for each in result] == [f"yt-{GOOD}"]
    assert list(workspace.downloads().iterdir()) == []


def test_a_broken_download_leaves_nothing_behind(downloader, workspace, library):
    downloader.run([BROKEN])
    assert library.recordings() == []
    left = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert {path.name.split("-")[0] for path in left} <= {"studio.db"}


def test_a_cancelled_download_goes_on_where_it_stopped(downloader, server, library):
    server.content = server.content + bytes(300_000)  # WebM players pass over such a tail
    server.pause_s = 0.005
    asked_to_stop = threading.Event()

    def tell(share, words):
        if share > 0.1:
            asked_to_stop.set()

    stopped = replace(downloader, is_cancelled=asked_to_stop.is_set).run([GOOD, ALSO_GOOD], tell)
    assert list(stopped) == []
    assert "Cancelled" in stopped.failed[0].reason
    part = next(downloader.workspace.downloads().glob("*.part"))
    size = part.stat().st_size
    assert 0 < size < len(server.content)
    server.pause_s = 0.0
    server.asked.clear()
    downloader.run([GOOD])
    starts = [int(span[6:-1]) for _, _, span in server.asked if span and span != "bytes=0-"]
    assert size in starts
    assert library.has(f"yt-{GOOD}")


def test_no_network_is_explained(downloader, server):
    nowhere = replace(downloader.site, address="http://127.0.0.1:1/{}.webm")
    result = replace(downloader, site=nowhere).run([GOOD])
    assert "Check the network" in result.failed[0].reason


def test_two_downloads_take_turns(downloader, server):
    """While one holds the turn, another says that it waits."""
    server.content = server.content + bytes(200_000)
    server.pause_s = 0.01
    said = []
    first = threading.Thread(target=downloader.run, args=([GOOD],))
    first.start()
    while not server.asked:
        time.sleep(0.01)
    downloader.run([ALSO_GOOD], lambda _, words: said.append(words))
    first.join()
    assert "waiting for another download on this machine" in said


def test_between_two_videos_there_is_a_pause_that_can_be_cancelled(downloader):
    patient = replace(downloader, site=replace(downloader.site, pause_s=(60.0, 60.0)))
    said = []
    stop = lambda: any("pausing 60 s" in words for words in said)  # noqa: E731
    result = replace(patient, is_cancelled=stop).run(
        [GOOD, ALSO_GOOD], lambda _, words: said.append(words)
    )
    assert len(result) == 1
    assert "Cancelled" in result.failed[0].reason


def test_rows_of_the_catalogue_become_drafts_and_fields(downloader, library):
    row = Segment(f"yt-{GOOD}", 0.5, 2.0, "alapanai", raga="Todi", origin="catalog")
    late = Segment(f"yt-{GOOD}", 100.0, 200.0, "kriti", origin="catalog")
    order = Order(GOOD, {"lead_artist": "M. Lakshmi", "title": "A concert"}, (row, late))
    (recording,) = downloader.run([order])
    assert (recording.lead_artist, recording.title) == ("M. Lakshmi", "A concert")
    (segment,) = library.segments(recording.id)
    assert (segment.start_s, segment.end_s, segment.raga) == (0.5, 2.0, "Todi")
    assert (segment.origin, segment.status) == ("catalog", "draft")
    library.delete(segment.id, "asha")
    downloader.run([order])
    assert library.segments(recording.id) == []  # what a person deleted stays deleted


# Refusals


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("Sign in to confirm you’re not a bot. Use --cookies", "no robot"),
        ("This content isn't available, try again later. The current session has been "
         "rate-limited by YouTube for up to an hour", "Wait an hour"),
        ("HTTP Error 429: Too Many Requests", "Wait an hour"),
        ("Private video. Sign in if you've been granted access", "is private"),
        ("Video unavailable. This video has been removed by the uploader", "was removed"),
        ("Video unavailable. The uploader has not made this video available in your country",
         "your country"),
        ("Sign in to confirm your age. This video may be inappropriate for some users", "age"),
        ("Join this channel to get access to members-only content", "those who pay"),
        ("This live event will begin in 3 hours.", "has ended"),
        ("Unable to download webpage: [Errno -3] Temporary failure in name resolution", "network"),
        ("The read operation timed out", "network"),
        ("HTTP Error 403: Forbidden", "Update yt-dlp"),
        ("Requested format is not available", "Update yt-dlp"),
        ("unable to write data: [Errno 28] No space left on device", "disk is full"),
        ("Something nobody has seen", "Something nobody has seen Update yt-dlp"),
    ],
)  # fmt: skip
def test_refusals_are_told_apart_and_say_what_to_do(said, advice):
    error = explained(f"\x1b[0;31mERROR:\x1b[0m [youtube] dQw4w9WgXcQ: {said}", Heard())
    assert advice in str(error)
    assert "\x1b" not in str(error)


def test_a_missing_javascript_runtime_is_found_in_the_warnings():
    heard = Heard()
    heard.warning("No supported JavaScript runtime could be found. Only deno is enabled")
    assert "deno" in str(explained("ERROR: Some formats are missing", heard))


@pytest.mark.parametrize("info", [{"is_live": True}, {"live_status": "is_upcoming"}])
def test_live_videos_are_refused_before_anything_is_fetched(info):
    with pytest.raises(DownloadError, match="has ended"):
        refuse_unfit(info)
    refuse_unfit({"live_status": "was_live"})


# Chapters


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Alapanai - Todi", {"section": "alapanai", "raga": "Todi"}),
        ("03. Ragam Kalyani alapana", {"section": "alapanai", "raga": "Kalyani"}),
        ("Thani Avarthanam", {"section": "tani avartanam"}),
        (
            "Kamalamba (Anandabhairavi, Misra Chapu)",
            {
                "section": "kriti",
                "composition": "Kamalamba",
                "raga": "Anandabhairavi",
                "tala": "Misra chapu",
            },
        ),
        ("Ragam Tanam Pallavi | Kalyani", {"section": "other", "raga": "Kalyani"}),
        ("Welcome!", {"section": "other"}),
        ("", {"section": "other"}),
    ],
)
def test_chapter_titles_are_read_in_any_order_and_spelling(title, said):
    assert read(title) == said


def test_chapters_become_drafts_within_the_recording():
    recording = Recording("yt-1", "Concert", 100.0, "restricted", "x")
    drafts = chapter_drafts(
        recording,
        [
            {"start_time": 0, "end_time": 40, "title": "Alapanai - Todi"},
            {"start_time": 40, "end_time": 130, "title": "<b>Encore</b>"},
            {"start_time": 120, "end_time": 130, "title": "Beyond"},
            {"start_time": 50, "end_time": 50.2, "title": "A slip"},
            {"start_time": 60, "end_time": 30, "title": "Backwards"},
            {"start_time": 60, "title": None},
        ],
    )
    assert [(each.start_s, each.end_s, each.note) for each in drafts] == [
        (0.0, 40.0, "Alapanai - Todi"),
        (40.0, 100.0, "<b>Encore</b>"),
    ]
    assert {(each.origin, each.status) for each in drafts} == {("chapter", "draft")}


def test_drafts_never_touch_what_a_person_said_of_them(library):
    recording = Recording("yt-1", "Concert", 100.0, "restricted", "x")
    library.add(recording)
    chapters = [{"start_time": 0, "end_time": 40, "title": "Alapanai - Todi"}]
    assert add_drafts(library, recording, chapter_drafts(recording, chapters), "chapters") == 1
    (draft,) = library.segments()
    library.save(replace(draft, raga="Kalyani", status="approved"), "asha")
    assert add_drafts(library, recording, chapter_drafts(recording, chapters), "chapters") == 0
    assert [each.raga for each in library.segments()] == ["Kalyani"]


def test_the_command_refuses_a_link_elsewhere_and_opens_no_file(tmp_path):
    with pytest.raises(DownloadError, match=r"Nothing was brought in.*no link to a YouTube video"):
        download.main(("file:///etc/passwd",), workspace=tmp_path)
