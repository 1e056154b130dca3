"""The values every stage passes on: who played what, and where in the recording.

Conventions: times are float seconds from the start of the decoded audio, frequencies are Hz,
intervals are cents above the tonic. `None` means "not said". Ragas, talas and sections are kept in
the spelling that `core.theory` displays; any other spelling is resolved where it enters.
"""

import math
import uuid
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from core.errors import AnnotationError

SectionName = Literal[
    "alapanai",
    "tanam",
    "kriti",
    "neraval",
    "kalpanaswaram",
    "tani avartanam",
    "violin",
    "viruttam",
    "tillana",
    "applause",
    "speech",
    "other",
]
Origin = Literal["human", "suggested", "catalog", "chapter", "import"]
Status = Literal["draft", "approved", "rejected"]

SECTIONS: tuple[SectionName, ...] = get_args(SectionName)
ORIGINS: tuple[Origin, ...] = get_args(Origin)
STATUSES: tuple[Status, ...] = get_args(Status)

VIOLIN_LANE = "violin"  # a violin-only passage may lie over another section; nothing else may

RESTRICTED = "restricted"  # may be used here, may not be handed on
OPEN_RIGHTS = ("own", "public-domain")  # and every licence that starts with "cc-"

TONIC_RANGE_HZ = (60.0, 500.0)  # Saraga spans 113-266 Hz; instruments and bass voices go beyond


@dataclass(frozen=True)
class Artist:
    """A performer, and what they played if it is known."""

    name: str
    instrument: str | None = None


@dataclass(frozen=True)
class Recording:
    """One decoded audio file and what holds for all of it.

    `raga`, `tala`, `composer` and `composition` are said of the whole recording and inherited by
    its segments; `source` is where it came from (a page address, a file name, "synthesised").
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str  # yt-<video id>, file-<hash> or sample-<n>
    title: str
    duration_s: float
    rights: str  # "own", "public-domain", "cc-..." or "restricted"
    source: str
    artists: tuple[Artist, ...] = ()
    lead_artist: str | None = None
    tonic_hz: float | None = None
    raga: str | None = None
    tala: str | None = None
    composer: str | None = None
    composition: str | None = None

    def __post_init__(self):
        if not (math.isfinite(self.duration_s) and self.duration_s > 0):
            raise AnnotationError(
                f"Recording {self.id!r} lasts {self.duration_s} s. It must hold some sound."
            )
        low, high = TONIC_RANGE_HZ
        if self.tonic_hz is not None and not low <= self.tonic_hz <= high:
            raise AnnotationError(
                f"Recording {self.id!r} has its tonic at {self.tonic_hz} Hz. "
                f"Give the Sa of the lead between {low:g} and {high:g} Hz, or leave it empty."
            )
        if self.rights not in (*OPEN_RIGHTS, RESTRICTED) and not self.rights.startswith("cc-"):
            raise AnnotationError(
                f"Recording {self.id!r} has rights {self.rights!r}. Say own, public-domain, "
                "restricted, or a Creative Commons licence such as cc-by-4.0."
            )

    @property
    def is_open(self) -> bool:
        """Whether its sound, or pictures that can be turned back into sound, may be handed on."""
        return self.rights != RESTRICTED


@dataclass(frozen=True)
class Segment:
    """A stretch of one recording, `start_s` included and `end_s` excluded, and what is heard there.

    `artist` is the singer or leading player of this stretch. `confidence` (0..1) is given by
    whatever suggested it; a person's own mark has none.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    recording_id: str
    start_s: float
    end_s: float
    section: SectionName
    raga: str | None = None
    tala: str | None = None
    composer: str | None = None
    composition: str | None = None
    artist: str | None = None
    origin: Origin = "human"
    confidence: float | None = None
    status: Status = "draft"
    annotator: str | None = None
    note: str | None = None
    mridangam_level: float | None = None  # 0 none .. 1 nothing else
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self):
        if not (math.isfinite(self.end_s) and 0 <= self.start_s < self.end_s):
            raise AnnotationError(
                f"Segment of {self.recording_id!r} runs from {self.start_s} s to {self.end_s} s. "
                "It must start at 0 s or later and end after it starts."
            )
        _one_of("section", self.section, SECTIONS)
        _one_of("origin", self.origin, ORIGINS)
        _one_of("status", self.status, STATUSES)
        for name in ("confidence", "mridangam_level"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise AnnotationError(
                    f"Segment of {self.recording_id!r} has {name} {share}. Give a number 0..1."
                )

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s

    @property
    def lane(self) -> str:
        """`"violin"` or `"sections"`: segments of one lane may not overlap."""
        return VIOLIN_LANE if self.section == VIOLIN_LANE else "sections"

    def overlap_s(self, other: "Segment") -> float:
        """Seconds shared with `other`; 0 if they only touch or belong to other recordings."""
        if self.recording_id != other.recording_id:
            return 0.0
        return max(0.0, min(self.end_s, other.end_s) - max(self.start_s, other.start_s))


def _one_of(what: str, found: str, known: tuple[str, ...]) -> None:
    if found not in known:
        raise AnnotationError(f"{found!r} is no {what}. Choose one of: {', '.join(known)}.")
