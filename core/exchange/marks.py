"""What the files of other tools have in common: marked stretches of time, and faults by line."""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from core.errors import AnnotationError

NUMBERS = ("confidence", "mridangam_level")
FIELDS = (
    "raga",
    "tala",
    "composer",
    "composition",
    "artist",
    "origin",
    *NUMBERS,
    "status",
    "annotator",
    "note",
)
KEPT_ID = "segment_id"  # a region that comes back changed is the same region

# What other people's files call our fields; a column, tier or control of such a name is read.
_ALSO = {
    "raaga": "raga",
    "ragam": "raga",
    "taala": "tala",
    "talam": "tala",
    "work": "composition",
    "song": "composition",
    "singer": "artist",
    "lead": "artist",
    "score": "confidence",
    "notes": "note",
    "comment": "note",
    "comments": "note",
}

_LARGEST = sys.float_info.max  # JSON has integers without end
_SHOWN = 20  # faults an error lists
_LONGEST = 80  # letters of a wrong value that an error repeats


@dataclass(frozen=True)
class Mark:
    """A stretch of time as a file marks it; `label` is in the file's own words.

    `said` holds what else the file says of it, by the names of `FIELDS` and `KEPT_ID`; `tier` is
    the tier, annotation set or speaker file that it stands in, `where` its place for an error.
    """

    start_s: float
    end_s: float
    label: str
    where: str
    said: Mapping[str, str | float] = field(default_factory=dict)
    tier: str = ""


class Faults:
    """Collects what is wrong with a file, to say all of it at once."""

    def __init__(self, what: str):
        self._what = what
        self._found: list[str] = []
        self.advice: str | None = None  # said once, after the faults

    def add(self, where: str, fault: object) -> None:
        """Note one fault."""
        self._found.append(f"{where}: {fault}")

    @contextmanager
    def at(self, where: str) -> Iterator[None]:
        """Note what goes wrong inside, and go on."""
        try:
            yield
        except AnnotationError as error:
            self.add(where, error)

    def settle(self) -> None:
        """Raise all faults as one `AnnotationError`, if there are any."""
        if not self._found:
            return
        more = len(self._found) - _SHOWN
        lines = self._found[:_SHOWN] + ([f"and {more} more like these."] if more > 0 else [])
        lines += [self.advice] if self.advice else []
        raise AnnotationError("\n".join([f"{self._what} Nothing was imported.", *lines]))


def field_named(name: str) -> str | None:
    """Our field that a column, tier or control of this name holds.

    >>> field_named("Raaga"), field_named("singer"), field_named("phones")
    ('raga', 'artist', None)
    """
    folded = name.strip().casefold().replace(" ", "_")
    folded = _ALSO.get(folded, folded)
    return folded if folded in (*FIELDS, KEPT_ID) else None


def seconds(text: str, what: str = "time") -> float:
    """Seconds from "83.25", "83,25" or "1:23.25".

    >>> seconds("1:02:05.5")
    3725.5
    """
    parts = text.strip().replace(",", ".").split(":")
    try:
        found = sum(float(part) * 60**i for i, part in enumerate(reversed(parts)))
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or len(parts) > 3:
        raise AnnotationError(
            f"its {what} is {shown(text)}. Give seconds such as 83.25, or h:mm:ss."
        )
    return found


def number(value: object, what: str) -> float:
    """A finite number from a file that has numbers of its own (JSON)."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and -_LARGEST <= value <= _LARGEST):
        raise AnnotationError(f"its {what} is {shown(value)}. Give a number of seconds.")
    return float(value)


def shown(value: object) -> str:
    """A wrong value, short enough for an error."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def decoded(content: bytes) -> str:
    """The text of a file in UTF-8 or, as Praat and spreadsheets save it, UTF-16.

    Raises
    ------
    AnnotationError
        If it is in some other encoding, with the line that shows it.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif b"\0" in content[:200]:  # no text holds NUL, UTF-16 of Latin letters is half NUL
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    else:
        encoding = "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise AnnotationError(
            f"line {line}: this is no {encoding.removesuffix('-sig').upper()} text "
            f"({error.reason}). Save the file as UTF-8 in the program that made it."
        ) from error


def text_of(value: object) -> str | None:
    """A field as a format of texts writes it; `None` if it says nothing.

    >>> text_of(0.5), text_of("Adi"), text_of(None)
    ('0.5', 'Adi', None)
    """
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else repr(float(value))


def fields_of(segment: object, names: Iterable[str] = FIELDS) -> dict[str, str]:
    """What a segment says in these fields, as texts."""
    texts = {name: text_of(getattr(segment, name)) for name in names}
    return {name: text for name, text in texts.items() if text is not None}
