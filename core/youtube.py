"""Stage 2, from a link: the sound of a YouTube video becomes a recording.

Only the video's id is taken from a link and the address is made anew, so that no link leads
elsewhere. What is in the library is not fetched again; a download that was cut off goes on where it
stopped; a second run tries just what failed. One download at a time on a machine, with pauses.
"""

import fcntl
import json
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.chapters import add_drafts, chapter_drafts
from core.errors import AudioError, DownloadError, StudioError
from core.intake import DiskFull, Failure, Imported, Tell, bring_in, is_complete, line
from core.library import Library
from core.records import RESTRICTED, Recording, Segment
from core.refusals import Cancelled, Heard, explained, refuse_unfit
from core.workspace import Workspace, replacing

MAX_BYTES = 2 << 30  # ten hours of the best audio there is
_FETCHING = 0.8  # the share of the work that is fetching; the rest is decoding
_ID = r"[A-Za-z0-9_-]{11}"
_HOST = r"(?:(?:www|m|music)\.)?youtube(?:-nocookie)?\.com"
_VIDEO = re.compile(
    rf"(?:https?://)?(?:(?:www\.)?youtu\.be/|{_HOST}/(?:(?:shorts|live|embed|v)/|"
    rf"watch/?\?(?:[^#]*&)?v=))({_ID})(?:[/?&#].*)?",
    re.IGNORECASE,
)
_LIST = re.compile(
    rf"(?:https?://)?{_HOST}/(?:playlist|channel|c|user|results|feed|@).*", re.IGNORECASE
)
_LINK = re.compile(rf"[a-z][a-z+.-]*://.*|(?:www\.)?youtu\.be/.*|{_HOST}/.*", re.IGNORECASE)
_KEPT = ("id", "title", "channel", "upload_date", "license", "duration", "webpage_url", "chapters")


@dataclass(frozen=True)
class Site:
    """Where a video is fetched, and by which of yt-dlp's extractors."""

    address: str = "https://www.youtube.com/watch?v={}"
    extractors: tuple[str, ...] = ("youtube",)
    pause_s: tuple[float, float] = (10.0, 20.0)  # between two videos; less, and guests are refused


@dataclass(frozen=True)
class Order:
    """A video that is wanted, and what the catalogue says of it."""

    video_id: str
    said: Mapping[str, object] = field(default_factory=dict)  # fields of its recording
    drafts: tuple[Segment, ...] = ()  # timed rows
    rows: tuple[Mapping[str, object], ...] = ()  # the catalogue's own, kept beside the audio


def video_id(link: str) -> str:
    """The id in a link to one video, or the id itself.

    >>> video_id("https://youtu.be/dQw4w9WgXcQ?t=42")
    'dQw4w9WgXcQ'

    Raises
    ------
    DownloadError
        If it is no link to a YouTube video.
    """
    link = link.strip()
    if re.fullmatch(_ID, link):
        return link
    if found := _VIDEO.fullmatch(link):
        return found[1]
    if _LIST.fullmatch(link):
        raise DownloadError(
            f"{link!r} is a list of videos. Open the one you want and copy its link."
        )
    raise DownloadError(
        f"{link!r} is no link to a YouTube video. Give one such as "
        "https://www.youtube.com/watch?v= and eleven letters and digits."
    )


def is_link(text: str) -> bool:
    """Whether a person who typed this means an address, not a file."""
    return bool(_LINK.fullmatch(text.strip()))


@dataclass(frozen=True)
class Downloader:
    """How videos are brought in. `is_cancelled` is asked again and again."""

    workspace: Workspace
    library: Library
    site: Site = field(default_factory=Site)
    is_cancelled: Callable[[], bool] = lambda: False

    def run(
        self,
        wanted: Sequence[str | Order],
        tell: Tell | None = None,
        on_done: Callable[[str, Recording | Failure], object] = lambda *_: None,
    ) -> Imported:
        """Fetch videos, given as links, ids or orders, one after the other.

        One that fails never stops the others. `on_done` hears of each what came of it; of those
        that were never begun, because the user stopped it, it hears nothing.

        Raises
        ------
        DiskFull
            If the disk is full.
        """
        recordings: list[Recording] = []
        failed: list[Failure] = []
        pause = _Pause(self.site.pause_s, self.is_cancelled)
        for k, each in enumerate(wanted):
            name = each.video_id if isinstance(each, Order) else line(each)
            told = _share_of(tell, k, len(wanted))
            try:
                order = each if isinstance(each, Order) else Order(video_id(each))
                recordings.append(self._kept(order) or self._fetched(order, pause, told))
                on_done(name, recordings[-1])
            except DiskFull:
                raise
            except Cancelled as error:
                failed.append(Failure(name, str(error)))
                break
            except StudioError as error:
                failed.append(Failure(name, str(error)))
                on_done(name, failed[-1])
            told(1.0, name)
        return Imported(recordings, failed)

    def _kept(self, order: Order) -> Recording | None:
        recording_id = f"yt-{order.video_id}"
        if not (self.library.has(recording_id) and is_complete(self.workspace, recording_id)):
            return None
        recording = _filled(self.library.recording(recording_id), order.said)
        self.library.change(recording)
        add_drafts(self.library, recording, order.drafts, "catalogue")
        return recording

    def _fetched(self, order: Order, pause: "_Pause", tell: Tell) -> Recording:
        recording_id = f"yt-{order.video_id}"
        with _turn(self.is_cancelled, tell):
            pause(tell)
            info, path = self._downloaded(order, tell)
        try:
            known = self._described(order, info)  # first: it may be refused
            duration_s = bring_in(
                path, self.workspace, recording_id, self._cancellable(tell), moves=True
            )
        except AudioError:
            path.unlink(missing_ok=True)  # what was fetched is broken: begin anew next time
            raise
        recording = replace(known, duration_s=duration_s)
        with replacing(self.workspace.audio_target(recording_id, ".json")) as part:
            kept = {name: info.get(name) for name in _KEPT} | {"catalog": list(order.rows)}
            part.write_text(json.dumps(kept, indent=2, ensure_ascii=False))
        if self.library.has(recording_id):  # its files were lost, not what was said of it
            recording = _filled(self.library.recording(recording_id), order.said)
            self.library.change(recording)
        else:
            self.library.add(recording)
        add_drafts(self.library, recording, order.drafts, "catalogue")
        chapters = chapter_drafts(recording, info.get("chapters") or ())
        add_drafts(self.library, recording, chapters, "chapters")
        return recording

    def _described(self, order: Order, info: Mapping) -> Recording:
        said = {
            "title": line(info.get("title") or "") or order.video_id,
            "rights": RESTRICTED,  # whatever the uploader says: it may not be theirs to give
            "source": self.site.address.format(order.video_id),
        }
        return Recording(**{"id": f"yt-{order.video_id}", "duration_s": 1.0, **said, **order.said})

    def _downloaded(self, order: Order, tell: Tell) -> tuple[Mapping, Path]:
        """What the site says of a video, and the file with its sound."""
        from yt_dlp import YoutubeDL
        from yt_dlp.utils import DownloadCancelled, YoutubeDLError

        heard = Heard()

        def on_progress(status: Mapping) -> None:
            if self.is_cancelled():
                raise DownloadCancelled
            tell(*_progress(status))

        try:
            with YoutubeDL(self._options(heard, on_progress)) as youtube:
                tell(0.0, f"looking up {order.video_id}")
                address = self.site.address.format(order.video_id)
                info = youtube.extract_info(address, download=False)
                refuse_unfit(info)
                info = youtube.process_ie_result(info, download=True)
        except DownloadCancelled as error:
            raise Cancelled from error
        except (YoutubeDLError, OSError) as error:
            raise explained(error, heard) from error
        path = Path(next(iter(info.get("requested_downloads") or [{}])).get("filepath", ""))
        if not path.is_file():
            raise explained(" ".join(heard.lines) or "no file was written", heard)
        return info, path

    def _options(self, heard: Heard, on_progress: Callable) -> dict:
        return {
            "format": "bestaudio/best",  # as it is: nothing is encoded again
            "allowed_extractors": list(self.site.extractors),
            "outtmpl": {"default": "%(id)s.%(ext)s"},
            "paths": {"home": str(self.workspace.downloads())},
            "noplaylist": True,
            "fixup": "never",  # that would take an ffmpeg program; our decoder needs no mending
            "continuedl": True,
            "overwrites": False,
            "max_filesize": MAX_BYTES,
            "socket_timeout": 20,
            "retries": 5,
            "fragment_retries": 5,
            "extractor_retries": 2,
            "retry_sleep_functions": {"http": lambda n: min(30, 2**n) if n else 0.5},
            "sleep_interval_requests": 0.75 if self.site.pause_s[1] else 0,
            "progress_hooks": [on_progress],
            "logger": heard,
            "noprogress": True,
            "cachedir": False,
        }

    def _cancellable(self, tell: Tell) -> Tell:
        def told(share: float, words: str) -> None:
            if self.is_cancelled():
                raise Cancelled
            tell(_FETCHING + (1 - _FETCHING) * share, words)

        return told


def _filled(recording: Recording, said: Mapping[str, object]) -> Recording:
    """The recording with what nobody said of it before."""
    new = {name: value for name, value in said.items() if not getattr(recording, name)}
    return replace(recording, **new)


class _Pause:
    """Waits between two videos, not before the first."""

    def __init__(self, range_s: tuple[float, float], is_cancelled: Callable[[], bool]):
        self._range_s = range_s
        self._is_cancelled = is_cancelled
        self._is_first = True

    def __call__(self, tell: Tell) -> None:
        if not self._is_first:
            wait_s = random.uniform(*self._range_s)
            tell(0.0, f"pausing {wait_s:.0f} s, so that YouTube does not turn us away")
            until = time.monotonic() + wait_s
            while time.monotonic() < until:
                if self._is_cancelled():
                    raise Cancelled
                time.sleep(min(0.2, wait_s))
        self._is_first = False


@contextmanager
def _turn(is_cancelled: Callable[[], bool], tell: Tell) -> Iterator[None]:
    """Hold this machine's only turn to download."""
    path = Path(tempfile.gettempdir()) / f"carnatic-riffusion-studio-{os.getuid()}.lock"
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if is_cancelled():
                    raise Cancelled from None
                tell(0.0, "waiting for another download on this machine")
                time.sleep(0.5)
        yield


def _share_of(tell: Tell | None, k: int, n: int) -> Tell:
    def told(share: float, words: str) -> None:
        if tell:
            tell((k + share) / n, words)

    return told


def _progress(status: Mapping) -> tuple[float, str]:
    """The share done and, in words, how fast and how long still."""
    done = status.get("downloaded_bytes") or 0
    total = status.get("total_bytes") or status.get("total_bytes_estimate")
    share = done / total if total else 0.0
    words = [line(str(status.get("info_dict", {}).get("title") or "video"))]
    words.append(f"{100 * share:.0f} %" if total else f"{done / 1e6:.1f} MB")
    if speed := status.get("speed"):
        words.append(f"{speed / 1e6:.1f} MB/s")
    if eta := status.get("eta"):
        words.append(f"{int(eta) // 60}:{int(eta) % 60:02} left")
    return _FETCHING * min(1.0, share), ", ".join(words)
