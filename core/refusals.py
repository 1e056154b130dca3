"""Stage 2, why a video did not come: what the site said, in words that say what to do."""

import re
from collections.abc import Mapping

from core.errors import DownloadError
from core.intake import DiskFull

_UPDATE = 'Update yt-dlp: pip install -U "yt-dlp[default,deno]"'

# The first that matches what was said. YouTube words the same refusal in many ways, and its words
# for "too many requests" begin like those for "removed": so that one comes first.
_REASONS: tuple[tuple[str, str], ...] = (
    (
        r"not a bot|captcha|unusual traffic",
        "YouTube wants to be sure that you are no robot. Wait some hours and try again, or import "
        "a file you have; addresses of data centres are always asked.",
    ),
    (
        r"rate.?limit|too many requests|http error 429|try again later",
        "Too many videos were asked for from this address. Wait an hour and run it again: only "
        "what failed is fetched.",
    ),
    (r"private video|video is private", "The video is private. Ask its owner, or choose another."),
    (
        r"members.only|join this channel|requires payment|purchase|premium|rent",
        "The video is only for those who pay. Choose another.",
    ),
    (
        r"confirm your age|age.restricted|inappropriate for some",
        "The video is age-restricted, which takes an account. Choose another upload of it.",
    ),
    (
        r"in your country|from your location|geo.?restrict|not available in your|blocked it in",
        "The video is not shown in your country. Choose another upload of it.",
    ),
    (
        r"live event|is live|premieres in|not currently live|begin in",
        "The video is live or has not begun. Try again when it has ended.",
    ),
    (
        r"no supported javascript|javascript runtime|challenge solving|n challenge",
        "YouTube's page needs a JavaScript runtime, and none was found. "
        'Install one: pip install "yt-dlp[default,deno]"',
    ),
    (
        r"larger than max.filesize",
        "The file is larger than 2 GB. Choose another upload of it, or import a file.",
    ),
    (
        r"unavailable|removed|terminated|does not exist|no longer available|http error (404|410)",
        "The video was removed, or never was. Check the link, or choose another upload of it.",
    ),
    (
        r"resol(ve|ution)|unreachable|connection (refused|reset)|timed out|network is down|"
        r"remote end closed|incompleteread|bytes read|eof occurred",
        "The connection failed. Check the network and run it again: it goes on where it stopped.",
    ),
    (r"http error 403|forbidden", f"YouTube refused to send it. {_UPDATE}, and try again."),
    (
        r"requested format is not available|no video formats|unable to extract|failed to parse",
        f"YouTube has changed its pages. {_UPDATE}, and try again.",
    ),
    (
        r"unsupported url|no suitable extractor|is not allowed",
        "That address leads to no YouTube video. Check the link.",
    ),
)
_PREFIX = re.compile(r"^(?:ERROR:\s*)?(?:\[[^\]]*\]\s*)?(?:[A-Za-z0-9_-]{11}:\s*)?")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")


class Cancelled(DownloadError):
    """The user stopped it."""

    def __init__(self):
        super().__init__("Cancelled. Run it again to go on where it stopped.")


class Heard:
    """Keeps what yt-dlp says instead of printing it."""

    def __init__(self):
        self.lines: list[str] = []

    def debug(self, text: str) -> None:
        """Progress and other talk."""
        if "max-filesize" in text:
            self.lines.append(text)

    info = debug

    def warning(self, text: str) -> None:
        """Something that may be why the rest fails."""
        self.lines.append(text)

    error = warning


def explained(error: Exception | str, heard: Heard) -> DownloadError:
    """What went wrong and what to do about it."""
    said = _COLOUR.sub("", " ".join(str(error).split()))
    if re.search(r"no space left|disk quota|file too large", said, re.IGNORECASE):
        return DiskFull(
            "The disk is full: the video was not brought in. Free some space and run it again; it "
            "goes on where it stopped."
        )
    for words in (said, " ".join(heard.lines)):  # a warning may tell what the error does not
        for pattern, advice in _REASONS:
            if re.search(pattern, words, re.IGNORECASE):
                return DownloadError(f"{advice} ({_PREFIX.sub('', said)[:200]})")
    return DownloadError(f"{_PREFIX.sub('', said)[:300]} {_UPDATE}, and try again.")


def refuse_unfit(info: Mapping) -> None:
    """Refuse what is no single finished video with sound."""
    if info.get("_type", "video") != "video":
        raise DownloadError("That is a list of videos. Open the one you want and copy its link.")
    if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming", "post_live"):
        raise DownloadError(
            "The video is live or has not begun. Try again when it has ended and been processed."
        )
