"""Stage 4, the facts: what is known of a segment, in words, and where each fact came from.

A segment inherits from its recording only what must hold for it: a kriti has the recording's tala,
an alapanai (free time) has none unless the annotator gave it one. A prompt at play time is made of
the same fields (`describe`), so what a model is asked for is worded as it was taught.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.errors import AnnotationError, TheoryError
from core.records import Artist, Recording, SectionName, Segment
from core.templates import FIELDS, clean

MELODIC = frozenset(
    ("alapanai", "tanam", "kriti", "neraval", "kalpanaswaram", "violin", "viruttam", "tillana")
)
IN_TALA = frozenset(("kriti", "neraval", "kalpanaswaram", "tani avartanam", "tillana"))
OF_A_SONG = frozenset(("kriti", "neraval", "kalpanaswaram", "tillana"))
PERFORMED = MELODIC | {"tani avartanam"}

PERCUSSION = (
    "mridangam",
    "ghatam",
    "kanjira",
    "khanjira",
    "morsing",
    "tavil",
    "thavil",
    "konnakol",
)
DRONES = ("tanpura", "tambura", "sruti box", "shruti box")
VOICES = ("voice", "vocal", "vocals", "singer")

NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

WITHOUT = "without mridangam"
WITHOUT_BELOW, SOFT_BELOW, SOLO_FROM = 0.05, 0.4, 0.9  # shares of Segment.mridangam_level


@dataclass(frozen=True)
class Fact:
    """One field in words, who says so, and how sure they are (`None`: as sure as a person is)."""

    text: str
    source: str  # a `records.Origin`, or recording, theory, measured
    confidence: float | None = None


def facts(
    segment: Segment, recording: Recording, heard: Mapping[str, Fact] | None = None
) -> dict[str, Fact]:
    """All that is known of `segment`, by field; what is not known has no entry.

    `heard` was measured from its sound (`core.measure`); what a person says goes before it.
    """
    values: dict[str, tuple[str | None, str]] = {}
    origin = "human" if segment.status == "approved" else segment.origin
    for name in ("raga", "tala", "composer", "composition", "artist"):
        own = getattr(segment, name)
        values[name] = (own, origin) if own else (_inherited(name, segment, recording), "recording")
    said = {name: text for name, (text, _) in values.items()}
    sources = {name: source for name, (_, source) in values.items()}
    said |= {"section": segment.section, "mridangam": _mridangam(segment)}
    said |= _players(segment, said["artist"], recording)
    if segment.section in MELODIC:
        said["tonic"] = tonic_name(recording.tonic_hz)
    said |= of_theory(said)
    sources |= {"section": origin, "mridangam": "measured"}
    for derived, parent in (("melakarta", "raga"), ("kind", "raga"), ("svaras", "raga")):
        sources[derived] = f"theory, from the raga of {sources[parent]}"
    sure = None if origin == "human" else segment.confidence
    found = {
        name: Fact(
            text, sources.get(name, "recording"), sure if sources.get(name) == origin else None
        )
        for name, text in clean(said).items()
    }
    return {**(heard or {}), **found}


def known_fields(
    segment: Segment, recording: Recording, heard: Mapping[str, Fact] | None = None
) -> dict[str, str]:
    """What is known of `segment`, in the words a template says."""
    return {name: fact.text for name, fact in facts(segment, recording, heard).items()}


def describe(
    raga: str | None = None,
    tala: str | None = None,
    section: SectionName | None = None,
    tonic_hz: float | None = None,
    **more: str | None,
) -> dict[str, str]:
    """The fields of a wish at play time: `raga`, `tala`, `section`, the tonic and any other field.

    >>> describe("Mohanam", "Adi", "kriti", 146.8, tempo="slow", instrument="violin")["lead"]
    'violin'
    """
    unknown = sorted(set(more) - set(FIELDS))
    if unknown:
        raise AnnotationError(
            f"{unknown[0]!r} is no field of a caption. There are: {', '.join(FIELDS)}."
        )
    said = {"raga": raga, "tala": tala, "section": section, "tonic": tonic_name(tonic_hz)}
    said |= {"lead": lead(more.get("artist"), more.get("instrument"))} | more
    return clean(said | of_theory(said))


def tonic_name(tonic_hz: float | None) -> str | None:
    """The note nearest to `tonic_hz`, A being 440 Hz.

    >>> tonic_name(146.8)
    'D'
    """
    if tonic_hz is None:
        return None
    return NOTES[round(12 * math.log2(tonic_hz / 440.0) + 9) % 12]


def lead(artist: str | None, instrument: str | None) -> str | None:
    """Who leads and on what, in words.

    >>> lead("Lalgudi Jayaraman", "violin"), lead("M. D. Ramanathan", "voice"), lead(None, "voice")
    ('Lalgudi Jayaraman on violin', 'sung by M. D. Ramanathan', 'sung')
    """
    if instrument in VOICES:
        return f"sung by {artist}" if artist else "sung"
    if artist and instrument:
        return f"{artist} on {instrument}"
    return f"by {artist}" if artist else instrument


def of_theory(said: Mapping[str, str | None]) -> dict[str, str | None]:
    """What theory knows of the raga and the tala that were said, and how it spells them.

    A name that theory does not know stays as it was said, and nothing follows from it.
    """
    from core import theory  # read when first asked: its tables take time

    found: dict[str, str | None] = {}
    if raga := _if_known(theory.raga, said.get("raga")):
        found["raga"] = raga.name
        found["svaras"] = " ".join(raga.svaras)
        found["melakarta"] = raga.name if raga.is_melakarta else raga.parent
        found["kind"] = (
            f"melakarta {raga.melakarta}" if raga.is_melakarta else f"janya of {raga.parent}"
        )
    if tala := _if_known(theory.tala, said.get("tala")):
        found |= {"tala": tala.name, "aksharas": f"{tala.aksharas:g}"}
    return found


def _if_known(find: Callable, name: str | None):
    try:
        return find(name) if name else None
    except TheoryError:
        return None


def _inherited(name: str, segment: Segment, recording: Recording) -> str | None:
    """What holds for the whole recording and therefore for this section of it."""
    section = segment.section
    if name == "artist":
        return _leader(section, recording)
    heard_in = {"raga": MELODIC, "tala": IN_TALA, "composer": OF_A_SONG, "composition": OF_A_SONG}
    return getattr(recording, name) if section in heard_in[name] else None


def _leader(section: SectionName, recording: Recording) -> str | None:
    """Who leads a section: the violinist a violin passage, the drummer a tani, else the lead."""
    if section == "violin":
        return _only(artist for artist in recording.artists if artist.instrument == "violin")
    if section == "tani avartanam":
        return _only(artist for artist in recording.artists if artist.instrument == "mridangam")
    return recording.lead_artist if section in PERFORMED else None


def _only(artists) -> str | None:
    found = list(artists)
    return found[0].name if len(found) == 1 else None


def _players(segment: Segment, artist: str | None, recording: Recording) -> dict[str, str | None]:
    """The lead's instrument, and who accompanies in this section."""
    section = segment.section
    if section not in PERFORMED:
        return {}
    played = {player.name: player.instrument for player in recording.artists}
    instrument = {"violin": "violin", "tani avartanam": "mridangam"}.get(section)
    instrument = instrument or played.get(artist)
    said = {"instrument": instrument, "lead": lead(artist, instrument)}
    if section in IN_TALA - {"tani avartanam"}:
        heard = (each for each in recording.artists if _accompanies(each, artist))
        silent = "mridangam" if _mridangam(segment) == WITHOUT else None
        said["accompaniment"] = _and(p.instrument for p in heard if p.instrument != silent)
    return said


def _accompanies(player: Artist, leader: str | None) -> bool:
    unsaid = (None, *DRONES, *VOICES)  # the drone is always there; a second voice leads too
    return player.name != leader and player.instrument not in unsaid


def _and(words) -> str | None:
    words = list(dict.fromkeys(words))
    return " and ".join([*([", ".join(words[:-1])] if words[:-1] else []), *words[-1:]]) or None


def _mridangam(segment: Segment) -> str | None:
    """The mridangam's loudness in words; between soft and solo it is what one expects."""
    level = segment.mridangam_level
    if level is None or segment.section not in MELODIC:
        return None
    if level < WITHOUT_BELOW:
        return WITHOUT
    if level < SOFT_BELOW:
        return "soft mridangam"
    return "mridangam solo" if level >= SOLO_FROM else None
