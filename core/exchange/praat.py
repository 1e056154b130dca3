"""Praat TextGrids, in Praat's long and short text formats.

Praat reads such a file as a row of free-standing numbers, quoted texts and <flags>, and takes all
else for comment, so a reader by that rule takes both formats and files written by hand. The kept
libraries do not: praatio 6.2 stumbles over labels that look like headings ("item [1]:"), textgrid
1.6 strips labels, and neither says where a file is broken.

Source: the Praat manual, "TextGrid file formats".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import AnnotationError
from core.exchange.marks import Mark, decoded, shown
from core.exchange.tiers import Interval, Tier, marks_of, tiers_of
from core.records import Recording, Segment

# A text in quotes (doubled inside), a flag, a comment to the end of its line, or a word.
_TOKEN = re.compile(r'"[^"]*(?:""[^"]*)*"|<[^>\s]*>|!.*|[^\s"!<][^\s"]*|["<]')
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)", re.IGNORECASE)
_INTERVALS, _POINTS = "IntervalTier", "TextTier"


@dataclass(frozen=True)
class _Token:
    value: str | float
    line: int


class _Tokens:
    """The numbers, texts and flags of a file, one after the other."""

    def __init__(self, text: str):
        self._tokens = _tokens(text)
        self.line = 1

    def text(self, what: str) -> str:
        return self._next(str, what, "a text in quotes")

    def number(self, what: str) -> float:
        return self._next(float, what, "a number")

    def count(self, what: str) -> int:
        found = self.number(what)
        if not (found >= 0 and found == int(found)):
            raise AnnotationError(f"line {self.line}: {what} is {found:g}. It must be a count.")
        return int(found)

    def _next(self, kind: type, what: str, wanted: str):
        token = next(self._tokens, None)
        if token is None:
            raise AnnotationError(
                f"line {self.line}: the file ends before {what}. It was cut off: save it again."
            )
        self.line = token.line
        if not isinstance(token.value, kind):
            raise AnnotationError(
                f"line {token.line}: {what} should be {wanted}, found {shown(token.value)}."
            )
        return token.value


def read(content: bytes) -> list[Mark]:
    """The labelled intervals and the points of a TextGrid; empty intervals are gaps between them.

    Raises
    ------
    AnnotationError
        If it is no TextGrid or is cut off, with the line.
    """
    if content.startswith(b"ooBinaryFile"):
        raise AnnotationError("line 1: this TextGrid is binary. In Praat, save it as a text file.")
    tokens = _Tokens(decoded(content))
    kind, shape = tokens.text("the file type"), tokens.text("the object class")
    if "ooTextFile" not in kind or shape != "TextGrid":
        raise AnnotationError(f"line {tokens.line}: this is a {shape}, not a TextGrid.")
    tokens.number("the start of the TextGrid")
    tokens.number("the end of the TextGrid")
    return marks_of(_tier(tokens) for _ in range(tokens.count("the number of tiers")))


def write(recording: Recording, segments: list[Segment]) -> bytes:
    """A TextGrid in the long format, UTF-8; gaps are intervals without a text."""
    tiers = tiers_of(segments) or [Tier("sections", ())]
    ends = [each.end_s for tier in tiers for each in tier.intervals]
    end = max([recording.duration_s, *ends])
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for n, tier in enumerate(tiers, start=1):
        lines += _tier_lines(n, tier, end)
    return ("\n".join(lines) + "\n").encode()


def _tokens(text: str) -> Iterator[_Token]:
    line, at = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        found = match[0]
        if found[0] == '"' and len(found) > 1:
            yield _Token(found[1:-1].replace('""', '"'), line)
        elif found == '"':
            raise AnnotationError(
                f"line {line}: a text begins here and never ends. The file was cut off."
            )
        elif _NUMBER.fullmatch(found):
            yield _Token(float(found), line)


def _tier(tokens: _Tokens) -> Tier:
    kind, name = tokens.text("the kind of a tier"), tokens.text("the name of a tier")
    if kind not in (_INTERVALS, _POINTS):
        raise AnnotationError(
            f"line {tokens.line}: {shown(kind)} is no kind of tier; {_INTERVALS} or {_POINTS} is."
        )
    tokens.number(f"the start of tier {name!r}")
    tokens.number(f"the end of tier {name!r}")
    size = tokens.count(f"the size of tier {name!r}")
    if kind == _POINTS:
        return _point_tier(tokens, name, size)
    intervals = []
    for n in range(1, size + 1):
        which = f"interval {n} of {size} of tier {name!r}"
        start = tokens.number(f"the start of {which}")
        line = tokens.line
        end, text = tokens.number(f"the end of {which}"), tokens.text(f"the text of {which}")
        if text.strip():
            intervals.append(Interval(start, end, text, f"line {line}"))
    return Tier(name, tuple(sorted(intervals, key=lambda each: each.start_s)))


def _point_tier(tokens: _Tokens, name: str, size: int) -> Tier:
    points = []
    for n in range(1, size + 1):
        time = tokens.number(f"the time of point {n} of {size} of tier {name!r}")
        line = tokens.line
        text = tokens.text(f"the text of point {n} of {size} of tier {name!r}")
        points.append(Interval(time, time, text, f"line {line}"))
    return Tier(name, tuple(points))


def _tier_lines(n: int, tier: Tier, end: float) -> list[str]:
    intervals = _without_gaps(tier.intervals, end)
    lines = [
        f"    item [{n}]:",
        f'        class = "{_INTERVALS}"',
        f"        name = {_quoted(tier.name)}",
        "        xmin = 0",
        f"        xmax = {end}",
        f"        intervals: size = {len(intervals)}",
    ]
    for k, each in enumerate(intervals, start=1):
        lines += [
            f"        intervals [{k}]:",
            f"            xmin = {each.start_s}",
            f"            xmax = {each.end_s}",
            f"            text = {_quoted(each.text)}",
        ]
    return lines


def _without_gaps(intervals: tuple[Interval, ...], end: float) -> list[Interval]:
    whole, at = [], 0.0
    for each in intervals:
        if each.start_s > at:
            whole.append(Interval(at, each.start_s, ""))
        whole.append(each)
        at = each.end_s
    return [*whole, Interval(at, end, "")] if at < end else whole


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
