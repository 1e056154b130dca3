"""Stage 1, one page of the catalogue becomes rows, whichever generation it is of.

    v2   {"songs": [{"I": "<video>&start=995&end=1620", "S", "R", "C", "A", "T", "D", "V"}, ...]}
    v1   {"videos": [{"folder": [{"S": 106, "songs": [{"I", "R", "C", "A", "T", "D", "V"}]}]}]}

In v1 the key of the folder holds for its rows. Times are seconds, a row without them is a whole
video. Rows that are no music, or nothing at all, are dropped and counted by reason.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from core import theory
from core.artists import instrument_of
from core.catalog_names import Names, resolved
from core.errors import CatalogError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "video_id",
    "start_s",
    "end_s",
    "song",
    "section",
    "raga",
    "tala",
    "composer",
    "artist",
    "duration_s",
    "views",
    "instrument",
)

SAME_MUSIC = "_same"  # one number for one song, raga, artist and length; 0 where one is unknown

PLACEHOLDER = "placeholder of a few seconds"
NO_LENGTH = "no length (0:00)"
NO_VIDEO = "no video id"
BACKWARDS = "starts after its end"
CONCERT = "a whole concert"
LESSON = "a lesson or a talk"
NO_ROW = "not a row at all"

_VIDEO = re.compile(r"([A-Za-z0-9_-]{11})(?:&start=(\d{1,6}(?:\.\d+)?)&end=(\d{1,6}(?:\.\d+)?))?")
_PLACEHOLDER_S = 15.0
_CONCERTS = ("Concert",)
_LESSONS = ("Lecdem", "Lesson", "Interview", "Insights")
_SUITES = ("Ragam thanam pallavi", "Jugalbandi", "Raga exploration", "Ragapravaham", "35 Tala")
_KEYS = ("I", "T", "S", "R", "C", "A", "D", "V")


@dataclass(frozen=True)
class Page:
    """One page, its rows not yet understood."""

    category: str  # artist, raga, composer, type or song
    title: str
    rows: list[dict]
    n_broken: int  # entries that are no rows
    number: int | None = None  # its own id, which v1 does not say
    info: tuple[dict, ...] = ()


def read_page(category: str, name: str, content: object) -> Page:
    """Take the JSON of a page of either generation apart.

    Raises
    ------
    CatalogError
        If it is neither.
    """
    if not isinstance(content, dict) or not ({"songs", "videos"} & content.keys()):
        keys = ", ".join(map(repr, list(content)[:4])) if isinstance(content, dict) else "no object"
        raise CatalogError(
            f"{category}/{name}.json holds {keys} where 'songs' or 'videos' is wanted. Fetch or "
            "copy the page again; if it stays so, the site has changed its form."
        )
    found = list(_v2(content) if "songs" in content else _v1(content))
    rows = [row for row in found if isinstance(row, dict)]
    title = content.get("title") if isinstance(content.get("title"), dict) else {}
    number = title.get("T")
    return Page(
        category,
        str(title.get("H") or name),
        rows,
        len(found) - len(rows),
        number if isinstance(number, int) else None,
        tuple(each for each in _list(content.get("info")) if isinstance(each, dict)),
    )


def is_of(page: Page, names: Names) -> bool:
    """Whether page and id.json are of one snapshot: whether the page's own id means its title."""
    key = {"artist": "A", "raga": "R", "composer": "C", "type": "T", "song": "S"}[page.category]
    numbers = [page.number] if page.number is not None else [row.get(key) for row in page.rows[:50]]
    said = {names.of(page.category, number) for number in numbers if number}
    if page.number is None and not said:
        return True  # a page without rows
    return page.title in said


def tala_of(page: Page) -> str | None:
    """The tala that a song's page names."""
    said = {str(each.get("H")): each for each in page.info}
    spellings = [said[h].get(k) for h in ("Tala", "Tala name") if h in said for k in ("V", "P")]
    for spelling in spellings:
        if isinstance(spelling, str) and (name := resolved(theory.tala, spelling)):
            return name
    first = next((each for each in spellings if isinstance(each, str) and each), None)
    return None if first is None or first.startswith("Unknown") else first


@dataclass(frozen=True)
class Table:
    """What a page says: rows of `COLUMNS` and `SAME_MUSIC`, and what they leave open."""

    rows: "pd.DataFrame"
    dropped: Counter  # how many rows, by reason
    n_unnamed: int  # rows whose song or raga id.json does not hold
    is_known: bool  # whether id.json is of the same snapshot


def table(page: Page, names: Names) -> Table:
    """The rows of a page.

    With ids of another snapshot the page's rows keep their videos and lengths, and say no more than
    the page's own title does.
    """
    import pandas as pd

    is_known = is_of(page, names)
    names = names if is_known else Names({"0": ""})
    columns: dict[str, list] = {key: [row.get(key) for row in page.rows] for key in _KEYS}
    for key in "TSRCA":
        columns[key] = list(map(_number, columns[key]))
    spans = [_span(text) for text in columns["I"]]
    lengths = [_seconds(text) if isinstance(text, str) else None for text in columns["D"]]
    views = [_count(text) if isinstance(text, str | int) else None for text in columns["V"]]
    said = _said(page, names, columns, is_known)
    reasons = list(map(_junk, spans, lengths, views, said["song"], said["type"]))
    frame = pd.DataFrame(
        {
            "video_id": [span[0] if span else None for span in spans],
            "start_s": [span[1] if span else None for span in spans],
            "end_s": [span[2] if span else None for span in spans],
            "song": said["song"],
            "section": said["section"],
            "raga": said["raga"],
            "tala": pd.Series([None] * len(spans), dtype="str"),
            "composer": said["composer"],
            "artist": said["artist"],
            "duration_s": list(map(_length, spans, lengths)),
            "views": pd.array(views, dtype="Int64"),
            "instrument": [instrument_of(name) if name else None for name in said["artist"]],
            SAME_MUSIC: _same_music(columns, list(map(_length, spans, lengths)), is_known),
        }
    ).astype({"start_s": float, "end_s": float, "duration_s": float})
    dropped = Counter(filter(None, reasons))
    if page.n_broken:
        dropped[NO_ROW] += page.n_broken
    kept = frame[[reason is None for reason in reasons]].reset_index(drop=True)
    unnamed = [
        not (names.holds("song", song) and names.holds("raga", raga))
        for song, raga in zip(columns["S"], columns["R"], strict=True)
    ]
    return Table(kept, dropped, sum(unnamed) if is_known else 0, is_known)


def _said(page: Page, names: Names, columns: dict[str, list], is_known: bool) -> dict[str, list]:
    """What each row's ids mean; what all rows of the page share is taken from its title."""
    of_page = {page.category: page.title}
    words: dict[str, list] = {}
    for category, key in (("song", "S"), ("type", "T"), ("composer", "C"), ("artist", "A")):
        meaning = _Meaning(names, category)
        own = of_page.get(category)
        words[category] = [meaning[number] or own for number in columns[key]]
    ragas = _Meaning(names, "raga")
    own = of_page.get("raga")
    words["raga"] = [raga_of(ragas[number] or own) for number in columns["R"]]
    compositions = [is_known and names.is_composition(number) for number in columns["S"]]
    words["section"] = [
        section_of(None if is_one else song, kind, is_one)
        for song, kind, is_one in zip(words["song"], words["type"], compositions, strict=True)
    ]
    return words


def _same_music(columns: dict[str, list], lengths: list, is_known: bool) -> list[int]:
    """A number for each row that is the same for the same performance, by the ids themselves."""
    rows = zip(columns["S"], columns["R"], columns["A"], lengths, strict=True)
    return [hash((is_known, *row)) if row[0] and row[2] and row[3] else 0 for row in rows]


class _Meaning(dict):
    """Names by id, each looked up once."""

    def __init__(self, names: Names, category: str):
        super().__init__()
        self._names, self._category = names, category

    def __missing__(self, number: int | None) -> str | None:
        self[number] = self._names.of(self._category, number)
        return self[number]


@cache
def section_of(song: str | None, kind: str | None, is_composition: bool = False) -> str:
    """The section that the name of a passage or the row's type says; a composition is a kriti.

    >>> section_of("Thani", None), section_of("Ragam thanam pallavi - X", None)
    ('tani avartanam', 'other')
    >>> section_of(None, "Varnam", True), section_of("Thillana - Desh", None)
    ('kriti', 'tillana')
    """
    for name in (generic(song), kind):
        if name in _SUITES:
            return "other"
        if name and (section := resolved(theory.section, name)):
            return section
    return "kriti" if is_composition or kind else "other"


def generic(song: str | None) -> str | None:
    """What stands before " - " in the name of a song that is none: "Concert - Lalgudi Jayaraman".

    >>> generic("Layavinyasam - Karaikudi Mani")
    'Layavinyasam'
    """
    return song.partition(" - ")[0] if song else None


@cache
def raga_of(name: str | None) -> str | None:
    """The raga, or the ragas of a row of several, as theory spells them.

    >>> raga_of("Thodi, Natabhairavi")
    'Todi, Natabhairavi'
    """
    if name is None:
        return None
    return ", ".join(resolved(theory.raga, part) or part for part in name.split(", "))


def _junk(span, length, views, song, kind) -> str | None:
    if span is None:
        return NO_VIDEO
    _, start, end = span
    if start is not None:
        if not length and not views and end - start <= _PLACEHOLDER_S:
            return PLACEHOLDER
        if end <= start:
            return BACKWARDS
    elif length == 0:
        return NO_LENGTH
    names = (generic(song), kind)
    if any(name in _CONCERTS for name in names):
        return CONCERT
    return LESSON if any(name in _LESSONS for name in names) else None


def _span(text: object) -> tuple[str, float | None, float | None] | None:
    found = _VIDEO.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    video, start, end = found.groups()
    return video, float(start) if start else None, float(end) if end else None


def _length(span, length: float | None) -> float | None:
    if span is not None and span[1] is not None:
        return span[2] - span[1]
    return length


@lru_cache(maxsize=1 << 14)
def _seconds(text: str) -> float | None:
    """Seconds of "M:SS" or "H:M:SS", whose minutes are not padded ("1:4:03").

    >>> _seconds("1:4:03"), _seconds("")
    (3843.0, None)
    """
    pieces = text.split(":")
    if not 1 < len(pieces) <= 3 or not all(piece.isdecimal() for piece in pieces):
        return None
    total = 0
    for piece in pieces:
        total = 60 * total + int(piece)
    return float(total)


def _count(text: str | int) -> int | None:
    bare = str(text).replace(",", "")
    return int(bare) if bare.isdecimal() and len(bare) < 16 else None


def _number(value: object) -> int | None:
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _v2(content: dict) -> Iterable[object]:
    return _list(content["songs"])


def _v1(content: dict) -> Iterator[object]:
    for video in _list(content["videos"]):
        for folder in _list(video.get("folder") if isinstance(video, dict) else None):
            if not isinstance(folder, dict):
                yield folder
                continue
            shared = {key: value for key, value in folder.items() if key in _KEYS}
            for row in _list(folder.get("songs")):
                yield {**shared, **row} if isinstance(row, dict) else row


def _list(value: object) -> list:
    return value if isinstance(value, list) else []
