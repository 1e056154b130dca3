"""Stage 2, beside a file: the annotations of Saraga 1.5 (Srinivasamurthy et al., 2020).

    <concert>/<item>/<item>.mp3.mp3                      the mix; .multitrack-*.mp3 are its stems
                     <item>.json                         title, artists, raaga, taala, work, concert
                     <item>.ctonic.txt                   the tonic in Hz
                     <item>.sections-manual-p.txt        start, level, DURATION, label; tabs between

Times are seconds. A label such as "Caraṇam sahānā" names a section and a raga in one. What
musicians marked comes in as approved work of the annotator "Saraga"; a label that says nothing
("-") as a draft.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core import theory
from core.artists import instrument
from core.catalog_names import resolved
from core.chapters import read
from core.errors import AnnotationError, CatalogError
from core.intake import Failure, line
from core.records import TONIC_RANGE_HZ, Artist, Recording, Segment

if TYPE_CHECKING:
    from core.exchange.marks import Mark
    from core.library import Library

ANNOTATOR = "Saraga"
STEM = ".multitrack-"  # in the name of a file with one microphone's sound

_LANES = ("violin", "sections")
_SHORTEST_S = 0.5
_LARGEST = 1 << 20  # bytes of an annotation file
_SPACE = uuid.UUID("0f9f4a52-7f0a-4f0e-8f3e-6a4a0f5d9a10")  # any fixed one


@dataclass(frozen=True)
class Notes:
    """What lies beside a file: fields of its recording, sections, and what could not be read."""

    said: Mapping[str, object]
    sections: tuple[Segment, ...] = ()
    failed: tuple[Failure, ...] = ()


def notes_beside(path: Path) -> Notes | None:
    """The annotations of an audio file; None if there are none in this layout."""
    item = _item(path)
    if item is None:
        return None
    failed: list[Failure] = []
    said: dict[str, object] = {}
    if beside := _beside(item, ".json"):
        said |= _read(beside, failed, _metadata, {})
    if beside := _beside(item, ".ctonic.txt"):
        said |= _read(beside, failed, _tonic, {})
    sections: tuple[Segment, ...] = ()
    if beside := _beside(item, ".sections-manual-p.txt"):
        sections = _read(beside, failed, _sections, ())
    return Notes(said, sections, tuple(failed))


def is_stem(path: Path) -> bool:
    """Whether a file is one microphone of a concert whose mix lies beside it."""
    name, stem, _ = path.name.partition(STEM)
    return bool(stem) and any(
        path.with_name(f"{name}{end}").exists() for end in (".mp3.mp3", ".mp3")
    )


def add_sections(library: "Library", recording: Recording, sections: tuple[Segment, ...]) -> int:
    """Save the sections that were never saved before; how many those were."""
    new = []
    for segment in _fitting(recording, sections):
        place = f"{recording.id} {segment.start_s:.3f} {segment.note}"
        known = replace(segment, recording_id=recording.id, id=uuid.uuid5(_SPACE, place).hex)
        if not library.history(known.id):  # what a person changed or deleted stays so
            new.append(known)
    if new:
        library.save_all(new, ANNOTATOR)
    return len(new)


def _fitting(recording: Recording, sections: tuple[Segment, ...]) -> Iterator[Segment]:
    """The sections within the recording; where two of a lane overlap, the later one begins."""
    starts = {lane: sorted(s.start_s for s in sections if s.lane == lane) for lane in _LANES}
    for segment in sections:
        later = (start for start in starts[segment.lane] if start > segment.start_s)
        end_s = min(segment.end_s, recording.duration_s, next(later, segment.end_s))
        if end_s - segment.start_s >= _SHORTEST_S:
            yield replace(segment, end_s=end_s)


def _item(path: Path) -> str | None:
    """The path of an item without any suffix, if annotations lie beside its mix."""
    if is_stem(path):
        return None
    name = path.name.removesuffix(path.suffix).removesuffix(".mp3")  # Saraga says it twice
    item = f"{path.parent}/{name}"
    endings = (".json", ".ctonic.txt", ".sections-manual-p.txt")
    return item if any(_beside(item, ending) for ending in endings) else None


def _beside(item: str, ending: str) -> Path | None:
    path = Path(item + ending)
    return path if path.is_file() else None


def _read(path: Path, failed: list[Failure], understand, otherwise):
    try:
        if path.stat().st_size > _LARGEST:
            raise CatalogError(f"It is larger than {_LARGEST >> 20} MB. Check that file.")
        return understand(path.read_bytes())
    except (OSError, ValueError, AttributeError, TypeError, LookupError) as error:
        failed.append(Failure(str(path), f"Its annotations were left out: {error}"))
        return otherwise


def _metadata(content: bytes) -> dict[str, object]:
    found = json.loads(content)
    if not isinstance(found, dict) or not ({"raaga", "artists", "mbid"} & found.keys()):
        return {}  # some other program's file
    concert = _first(found.get("concert"), "title")
    said = {
        "title": line(str(found.get("title") or "")),
        "raga": _known(theory.raga, _first(found.get("raaga"), "name", "common_name")),
        "tala": _known(theory.tala, _first(found.get("taala"), "name", "common_name")),
        "composition": _first(found.get("work"), "title"),
        "source": ", ".join(filter(None, ("Saraga", concert, str(found.get("mbid") or "")))),
        **_performers(found.get("artists") or ()),
    }
    return {name: value for name, value in said.items() if value}


def _performers(entries: list[Mapping]) -> dict[str, object]:
    """Everyone once, the lead first, with what they sing or play."""
    artists: dict[str, Artist] = {}
    leads = [entry for entry in entries if entry.get("lead")]
    for entry in (*leads, *entries):
        name = line(str(entry["artist"]["name"]))
        played = (entry.get("instrument") or {}).get("name") or ""
        artists.setdefault(name, Artist(name, _instrument(played)))
    lead = line(str(leads[0]["artist"]["name"])) if leads else None
    return {"artists": tuple(artists.values()), "lead_artist": lead}


def _instrument(name: str) -> str | None:
    try:
        return instrument(name) if name else None
    except CatalogError:
        return line(name).lower()


def _tonic(content: bytes) -> dict[str, float]:
    tonic_hz = float(content.split()[0])
    low, high = TONIC_RANGE_HZ
    if not low <= tonic_hz <= high:
        raise AnnotationError(f"a tonic of {tonic_hz} Hz lies outside {low:g} to {high:g} Hz.")
    return {"tonic_hz": tonic_hz}


def _sections(content: bytes) -> tuple[Segment, ...]:
    from core.exchange.lines import read_saraga

    return tuple(sorted(map(_section, read_saraga(content)), key=lambda each: each.start_s))


def _section(mark: "Mark") -> Segment:
    said = read(mark.label)
    return Segment(
        "",
        mark.start_s,
        mark.end_s,
        said["section"],
        raga=said.get("raga"),
        origin="import",
        status="draft" if said["section"] == "other" else "approved",
        note=line(mark.label),
    )


def _first(entries: object, *keys: str) -> str | None:
    """The first entry's value under the first of the keys that it has."""
    entry = entries[0] if isinstance(entries, list) and entries else {}
    return next((line(str(entry[key])) for key in keys if entry.get(key)), None)


def _known(resolve, name: str | None) -> str | None:
    return resolved(resolve, name) if name else None
