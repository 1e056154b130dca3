"""Stage 3, what others wrote beside a concert: chapter titles read as drafts of segments.

A chapter such as "Alapanai - Todi" or "03. Kamalamba (Anandabhairavi, Misra Chapu)" names a
section, a raga, a tala or a composition in any order and spelling. What is not understood is kept
as it was written. A draft is a proposal: it is made once, and never touches what a person drew.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from core import theory
from core.errors import TheoryError
from core.records import Recording, Segment

if TYPE_CHECKING:  # workers of an import read titles, and open no database
    from core.library import Library

SHORTEST_S = 1.0  # less is a slip of whoever typed the times

_NUMBER = re.compile(r"^\s*\d{1,3}\s*[.)\]:-]\s*")
_BETWEEN = re.compile(r"\s+[-–—~]+\s+|\s*[|:;,()\[\]/•·]+\s*")
_SPACE = uuid.UUID("6f1d5a0e-2f0c-4d56-9d7a-0b8c6f3f2a11")  # any fixed one
_RAGA_WORDS = re.compile(r"\b(raga|ragam|raagam|raag|rāgam?|ragamalika in)\b", re.IGNORECASE)
_SUITE = re.compile(r"\b(rtp|pallavi)\b", re.IGNORECASE)  # ragam, tanam and pallavi in one
_TALA_WORDS = re.compile(r"\b(tala|talam|taalam|tāḷam|thalam)\b", re.IGNORECASE)


def chapter_drafts(recording: Recording, chapters: Iterable[Mapping]) -> list[Segment]:
    """One draft for each chapter (`title`, `start_time`, `end_time`) that lies in the recording."""
    drafts = []
    for chapter in chapters:
        start_s = float(chapter.get("start_time") or 0.0)
        end_s = float(chapter.get("end_time") or recording.duration_s)
        title = str(chapter.get("title") or "")
        draft = _within(recording, start_s, end_s)
        if draft and title.strip():
            drafts.append(replace(draft, origin="chapter", note=title.strip(), **read(title)))
    return drafts


def read(title: str) -> dict[str, str]:
    """What a chapter's title says.

    >>> read("2. Kamalamba - Ānandabhairavi - Misra Chapu")["composition"]
    'Kamalamba'
    """
    said: dict[str, str] = {}
    for piece in filter(None, _BETWEEN.split(_NUMBER.sub("", title))):
        for field, value in _meant(piece).items():
            said.setdefault(field, value)
    if "section" not in said:  # a named piece in a named raga is most likely sung as a kriti
        is_piece = {"raga", "composition"} <= said.keys() and not _SUITE.search(title)
        said["section"] = "kriti" if is_piece else "other"
    if said["section"] == "other":
        said.pop("composition", None)
    return said


def _meant(piece: str) -> dict[str, str]:
    """What one piece of a title means: a name, or a section with a raga before or after it."""
    if section := _known(theory.section, piece):
        return {"section": section}
    if raga := _known(theory.raga, _RAGA_WORDS.sub("", piece).strip()):
        return {"raga": raga.name}
    if tala := _known(theory.tala, _TALA_WORDS.sub("", piece).strip()):
        return {"tala": tala.name}
    words = piece.split()
    for k in range(1, len(words)):
        for one, other in ((words[:k], words[k:]), (words[k:], words[:k])):
            section = _known(theory.section, " ".join(one))
            raga = _known(theory.raga, _RAGA_WORDS.sub("", " ".join(other)).strip())
            if section and raga:
                return {"section": section, "raga": raga.name}
    return {"composition": piece}


def add_drafts(library: "Library", recording: Recording, drafts: Sequence[Segment], by: str) -> int:
    """Save the drafts that were never saved before; how many those were.

    Where a person has marked most of a draft's stretch, or another draft says the same of it, it is
    left out.
    """
    new: list[Segment] = []
    there = library.segments(recording.id)
    for draft in drafts:
        place = f"{recording.id} {draft.origin} {draft.start_s:.2f} {draft.end_s:.2f}"
        known = replace(draft, recording_id=recording.id, id=uuid.uuid5(_SPACE, place).hex)
        fits = _within(recording, known.start_s, known.end_s)
        if fits and not library.history(known.id):  # a draft that was deleted stays deleted
            known = replace(known, end_s=fits.end_s)
            if not any(_is_said(known, other) for other in (*there, *new)):
                new.append(known)
    if new:
        library.save_all(new, by)
    return len(new)


def _is_said(draft: Segment, other: Segment) -> bool:
    shared_s = draft.overlap_s(other)
    if other.origin in ("human", "import") or other.status != "draft":
        return draft.lane == other.lane and shared_s > draft.duration_s / 2
    alike = draft.section == other.section and draft.origin != other.origin
    return alike and shared_s > 0.9 * max(draft.duration_s, other.duration_s)


def _within(recording: Recording, start_s: float, end_s: float) -> Segment | None:
    start_s, end_s = max(0.0, start_s), min(end_s, recording.duration_s)
    if not end_s - start_s >= SHORTEST_S:
        return None
    return Segment(recording.id, start_s, end_s, "other")


def _known(resolve: Callable, words: str):
    try:
        return resolve(words)
    except TheoryError:
        return None
