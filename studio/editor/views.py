"""What the editor is told: recordings, segments and theory as plain values for JSON."""

import unicodedata
from dataclasses import asdict
from typing import Any

from core import theory
from core.errors import TheoryError
from core.library import Library
from core.records import Segment
from core.revisions import Revision
from core.spelling import fold, plain

_MOST_OPTIONS = 60


def opened(library: Library, recording_id: str) -> dict[str, Any]:
    """A recording, its segments, and the revision from which to ask for changes."""
    recording = library.recording(recording_id)
    revision = library.newest_revision(recording_id)  # before the segments: misses none
    segments = library.segments(recording_id)
    return {
        "recording": asdict(recording),
        "segments": [as_told(segment) for segment in segments],
        "revision": revision,
    }


def as_told(segment: Segment) -> dict[str, Any]:
    """A segment's fields; `asdict` would copy each value, which 50,000 segments feel."""
    return dict(vars(segment))


def changes(library: Library, recording_id: str, since: int) -> dict[str, Any]:
    """What became of the recording's segments after revision `since`, and what it now is."""
    revisions = library.changes_since(recording_id, since)
    return {**told(revisions, since), "recording": asdict(library.recording(recording_id))}


def told(revisions: list[Revision], since: int = 0) -> dict[str, Any]:
    """Revisions as the editor takes them: each segment's last word, its number, and whose it is."""
    last = {each.segment_id: each for each in revisions}
    return {
        "revision": max(since, newest(revisions)),
        "segments": [as_told(each.segment) for each in last.values() if each.segment],
        "deleted": [segment_id for segment_id, each in last.items() if each.segment is None],
        "revisions": {segment_id: each.id for segment_id, each in last.items()},
        "by": {segment_id: each.annotator for segment_id, each in last.items()},
    }


def history(library: Library, segment_id: str) -> dict[str, Any]:
    """Every revision of a segment, oldest first."""
    return {
        "revisions": [
            {
                "at": each.created_at.isoformat(),
                "by": each.annotator,
                "action": each.action,
                "segment": as_told(each.segment) if each.segment else None,
            }
            for each in library.history(segment_id)
        ]
    }


def newest(revisions: list[Revision]) -> int:
    """The number of the newest; 0 if there is none."""
    return max((revision.id for revision in revisions), default=0)


def search(kind: str, text: str) -> dict[str, Any]:
    """Ragas, talas or sections for a search box: the one `text` names, then those that hold it."""
    if kind not in _KINDS:
        raise TheoryError(f"Nothing to search for {kind!r} in. There are: {', '.join(_KINDS)}.")
    named, describe = _KINDS[kind]
    exact = _exactly(kind, text)
    wanted = {plain(text), fold(text)}
    near = [each for each in named() if not text.strip() or _holds(each, wanted)]
    near.sort(key=lambda each: not plain(each.name).startswith(plain(text)))
    found = [each for each in named() if _said(each) == exact]
    found += [each for each in near if _said(each) != exact]
    options = [{"name": _said(each), **describe(each)} for each in found[:_MOST_OPTIONS]]
    return {"exact": exact, "options": options}


def svara_text(svara: str) -> str:
    """A svara as it is printed: a dot above for the upper octave, below for the lower.

    >>> [svara_text(svara) for svara in ("N2_", "S", "S^")]
    ['Ṇ2', 'S', 'Ṡ']
    """
    dot = {"^": "\u0307", "_": "\u0323"}.get(svara[-1], "")
    bare = svara.rstrip("^_")
    return unicodedata.normalize("NFC", bare[0] + dot + bare[1:])


def _exactly(kind: str, text: str) -> str | None:
    try:
        found = getattr(theory, kind)(text) if text.strip() else None
    except TheoryError:
        return None
    return getattr(found, "name", found)


def _holds(each: Any, wanted: set[str]) -> bool:
    spellings = [each.name, *each.aliases]
    return any(
        part in form(name) for name in spellings for form in (plain, fold) for part in wanted
    )


def _said(each: Any) -> str:
    return getattr(each, "id", each.name)


def _of_raga(raga: theory.Raga) -> dict[str, Any]:
    scales = [" ".join(map(svara_text, scale)) for scale in (raga.arohana, raga.avarohana)]
    kind = f"melakarta {raga.melakarta}" if raga.is_melakarta else f"janya of {raga.parent}"
    return {
        "detail": f"{scales[0]} · {scales[1]} · {kind}",
        "svaras": [(svara, theory.SVARAS[svara]) for svara in raga.svaras],
    }


def _of_tala(tala: theory.Tala) -> dict[str, Any]:
    angas = " + ".join(map(str, tala.angas))
    return {"detail": f"{tala.aksharas} aksharas" + (f": {angas}" if len(tala.angas) > 1 else "")}


def _of_section(section: theory.Section) -> dict[str, Any]:
    return {"detail": section.description}


_KINDS = {
    "raga": (theory.ragas, _of_raga),
    "tala": (theory.talas, _of_tala),
    "section": (theory.sections, _of_section),
}
