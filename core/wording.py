"""Stage 4, over the library: every segment with its facts and what it will be called.

The Captions tab, the command and the gaps in what is known all look at the same list.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.caption import Templates, captions
from core.fields import Fact, facts
from core.measure import heard_facts, kept_measures, leveled
from core.records import Recording, Segment
from core.variants import edited
from core.workspace import Workspace


@dataclass(frozen=True)
class Wanted:
    """Which segments to look at; what is not said does not narrow the choice."""

    section: str | None = None
    raga: str | None = None
    artist: str | None = None
    lacking: str | None = None  # only where the template names this field and nobody knows it
    recording_id: str | None = None


@dataclass(frozen=True)
class Wording:
    """A segment, what is known of it, and its captions, the plain one first."""

    recording: Recording
    segment: Segment
    facts: dict[str, Fact]
    captions: tuple[str, ...]
    by_hand: bool
    lacking: tuple[str, ...]  # fields that its template names and nobody knows

    @property
    def text(self) -> str:
        """The caption that training reads first."""
        return self.captions[0]


def wordings(
    workspace: Workspace,
    library,
    by_section: Templates,
    wanted: Wanted = Wanted(),
    n_captions: int = 1,
) -> Iterator[Wording]:
    """Word each segment that is wanted and not rejected, by recording and time."""
    by_hand = edited(workspace)
    found = library.recordings()
    for recording in found:
        if wanted.recording_id in (None, recording.id):
            kept = kept_measures(recording.id, workspace)
            for segment in library.segments(recording.id):
                heard = heard_facts(segment, recording, kept)
                known = facts(leveled(segment, kept), recording, heard)
                lacking = tuple(sorted(by_section[segment.section].fields - known.keys()))
                if segment.status == "rejected" or not _is_wanted(segment, known, lacking, wanted):
                    continue
                words = {name: fact.text for name, fact in known.items()}
                own = by_hand.get(segment.id)
                said = (own,) if own else captions(words, by_section, n_captions, segment.id)
                yield Wording(recording, segment, known, said, own is not None, lacking)


@dataclass(frozen=True)
class Gap:
    """A field that templates name and that is not known of some segments."""

    field: str
    n_lacking: int

    def __str__(self) -> str:
        """One line, such as "38 regions have no tala"."""
        regions = "1 region has" if self.n_lacking == 1 else f"{self.n_lacking} regions have"
        return f"{regions} no {self.field}"


def gaps(found: Iterable[Wording]) -> list[Gap]:
    """What captions would say if somebody knew it, the widest gap first."""
    lacking = Counter(name for each in found for name in each.lacking)
    return [Gap(name, n) for name, n in lacking.most_common()]


def _is_wanted(segment: Segment, known: dict[str, Fact], lacking: tuple, wanted: Wanted) -> bool:
    return (
        wanted.section in (None, segment.section)
        and (wanted.raga is None or _says(known, "raga", wanted.raga))
        and (wanted.artist is None or _says(known, "artist", wanted.artist))
        and (wanted.lacking is None or wanted.lacking in lacking)
    )


def _says(known: dict[str, Fact], name: str, text: str) -> bool:
    return name in known and known[name].text == text
