"""Stage 8, the lessons: sample concerts the demo model is taught with, exported as a dataset.

Every raga in its own concerts, each with all the sections, one of the talas and one of three tempi
(a word is the same akshara in every concert, so that a tempo can be asked for); voice and violin
lead in turn, every concert in a tonic of its own (the pictures' rows are counted from it).
"""

import itertools
import logging
import math
from dataclasses import dataclass
from pathlib import Path

from core import synthesis
from core.executors import in_parallel, processors
from core.export import ExportConfig, export
from core.library import Library
from core.measure import Measure, keep_measures
from core.records import Recording, SectionName, Segment
from core.synthesis.rhythm import Tempo
from core.theory import raga, tala
from core.workspace import Workspace

log = logging.getLogger(__name__)

RAGAS = (
    "Mohanam",
    "Kalyani",
    "Todi",
    "Sankarabharanam",
    "Bhairavi",
    "Kambhoji",
    "Hamsadhvani",
    "Mayamalavagaula",
    "Hindolam",
    "Kharaharapriya",
    "Shanmukhapriya",
    "Abhogi",
    "Ritigaula",
    "Saveri",
    "Purvikalyani",
    "Madhyamavati",
    "Bilahari",
    "Simhendramadhyamam",
    "Charukesi",
    "Natakurinji",
    "Sriranjani",
    "Anandabhairavi",
    "Begada",
    "Nata",
)
TALAS = ("Adi", "Rupaka", "Misra chapu", "Khanda chapu")
SECTIONS: tuple[SectionName, ...] = (
    "alapanai",
    "violin",
    "kriti",
    "neraval",
    "kalpanaswaram",
    "tani avartanam",
)
DATASET = "lessons"
TEMPLATE = "concise"  # few words, each of which matters: quick to learn


TEMPI: tuple[Tempo, ...] = ("slow", "medium", "fast")
ONSETS_PER_S = {"slow": 3.0, "medium": 4.4, "fast": 6.0}  # what `core.measure` words so


@dataclass(frozen=True)
class Lessons:
    """What a model is taught with; the same lessons are the same samples on every machine."""

    n_ragas: int = 24
    concerts: int = 3  # of each raga
    minutes: float = 4.0  # of each concert
    hop_s: float = 5.0  # from clip to clip: each clip half new
    first_seed: int = 1000
    named: tuple[str, ...] = ()  # ragas instead of the first `n_ragas` that the demo model knows

    @property
    def ragas(self) -> tuple[str, ...]:
        """By the names that `core.theory` displays."""
        return tuple(raga(name).name for name in self.named or RAGAS[: self.n_ragas])

    @property
    def talas(self) -> tuple[str, ...]:
        """By the names that `core.theory` displays."""
        return tuple(tala(name).name for name in TALAS)

    def plans(self) -> list[tuple[int, synthesis.Plan]]:
        """Each concert's seed and plan: raga by raga, then once more with the next tala."""
        rounds = itertools.product(range(self.concerts), enumerate(self.ragas))
        return [(self.first_seed + turn * len(self.ragas) + i, self._plan(turn, i))
                for turn, (i, _) in rounds]  # fmt: skip

    def _plan(self, turn: int, i: int) -> synthesis.Plan:
        item = synthesis.Item(
            self.ragas[i],
            self.talas[(i + turn) % len(TALAS)],
            SECTIONS,
            tempo=TEMPI[(i + turn // len(TALAS)) % len(TEMPI)],
        )
        return synthesis.Plan((item,), lead=("voice", "violin")[(i // len(TALAS) + turn) % 2])


def make_lessons(lessons: Lessons, root: Path) -> Path:
    """Render and export the lessons in a workspace at `root`; goes on where it was cut off."""
    place = Workspace.at(root)
    done = place.dataset(DATASET)
    if (done / "manifest.json").exists():
        return done
    library = Library.of(place)
    known = {recording.id for recording in library.recordings()}
    left = [
        Piece(seed, lessons.minutes, plan, place)
        for seed, plan in lessons.plans()
        if f"sample-{seed}" not in known
    ]

    def keep(piece: Piece | None, concert: tuple[Recording, tuple[Segment, ...]] | None) -> None:
        if piece and concert:
            recording, segments = concert
            library.add(recording)
            library.save_all(segments, "synthesis")
            log.info("concert %s: %s", recording.id, piece.plan.items[0].raga)

    in_parallel(rendered, left, (processors(), None), keep)
    config = ExportConfig(
        name=DATASET,
        template=TEMPLATE,
        n_captions=4,
        hop_s=lessons.hop_s,
        floor_db=None,
        find_duplicates=False,  # every seed is another concert
    )
    return export(config, place, library, _told)


@dataclass(frozen=True)
class Piece:
    """One concert to render into a workspace."""

    seed: int
    minutes: float
    plan: synthesis.Plan
    place: Workspace


def rendered(piece: Piece) -> tuple[Recording, tuple[Segment, ...]]:
    """Render and write a concert; the tempo is said as the score has it, not as it is heard."""
    concert = synthesis.render(piece.seed, piece.minutes, piece.plan)
    recording = concert.recording
    synthesis.write(concert, piece.place.audio_target(recording.id, ".flac").parent)
    tempo = piece.plan.items[0].tempo
    keep_measures(
        recording.id,
        [
            Measure(s.id, s.start_s, s.end_s, math.nan, math.nan, ONSETS_PER_S[tempo])
            for s in concert.segments
        ],
        piece.place,
    )
    return recording, concert.segments


def _told(done: int, total: int, what: str) -> None:
    if what and done % 1000 == 0:
        log.info("clip %d of %d: %s", done, total, what)


def main(lessons: Lessons, root: Path = Path("workspace/bootstrap/lessons")) -> None:
    """Render and export what the demo model is taught with, on all cores.

    Args:
        lessons: how much of it.
        root: the workspace to keep it in.
    """
    log.info("The lessons are in %s", make_lessons(lessons, root.resolve()))


if __name__ == "__main__":
    from tyro.conf import OmitArgPrefixes, configure

    from core.command import run

    run(configure(OmitArgPrefixes)(main))
