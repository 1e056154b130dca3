"""Stage 8, the lessons: sample concerts the demo model is taught with, exported as a dataset.

Every raga in its own concerts, each with all the sections and one of the talas; voice and violin
lead in turn, every concert in a tonic of its own (the pictures' rows are counted from it).
"""

import itertools
import logging
from dataclasses import dataclass
from pathlib import Path

from core import synthesis
from core.export import ExportConfig, export
from core.library import Library
from core.records import SectionName
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


@dataclass(frozen=True)
class Lessons:
    """What a model is taught with; the same lessons are the same samples on every machine."""

    n_ragas: int = 24
    concerts: int = 3  # of each raga
    minutes: float = 4.0  # of each concert
    hop_s: float = 5.0  # from clip to clip: each clip half new
    first_seed: int = 1000

    @property
    def ragas(self) -> tuple[str, ...]:
        """By the names that `core.theory` displays."""
        return tuple(raga(name).name for name in RAGAS[: self.n_ragas])

    @property
    def talas(self) -> tuple[str, ...]:
        """By the names that `core.theory` displays."""
        return tuple(tala(name).name for name in TALAS)

    def plans(self) -> list[tuple[int, synthesis.Plan]]:
        """Each concert's seed and plan: raga by raga, then once more with the next tala."""
        rounds = itertools.product(range(self.concerts), enumerate(self.ragas))
        return [
            (
                self.first_seed + turn * len(self.ragas) + i,
                synthesis.Plan(
                    (synthesis.Item(name, self.talas[(i + turn) % len(TALAS)], SECTIONS),),
                    lead=("voice", "violin")[(i // len(TALAS) + turn) % 2],
                ),
            )
            for turn, (i, name) in rounds
        ]


def make_lessons(lessons: Lessons, root: Path) -> Path:
    """Render and export the lessons in a workspace at `root`; goes on where it was cut off."""
    place = Workspace.at(root)
    done = place.dataset(DATASET)
    if (done / "manifest.json").exists():
        return done
    library = Library.of(place)
    known = {recording.id for recording in library.recordings()}
    plans = lessons.plans()
    for n, (seed, plan) in enumerate(plans, 1):
        if f"sample-{seed}" not in known:
            _add(place, library, synthesis.render(seed, lessons.minutes, plan))
            log.info("concert %d of %d: %s", n, len(plans), plan.items[0].raga)
    config = ExportConfig(
        name=DATASET, template=TEMPLATE, n_captions=3, hop_s=lessons.hop_s, floor_db=None
    )
    return export(config, place, library, _told)


def _add(place: Workspace, library: Library, concert: synthesis.SampleConcert) -> None:
    recording = concert.recording
    synthesis.write(concert, place.audio_target(recording.id, ".flac").parent)
    library.add(recording)
    library.save_all(concert.segments, "synthesis")


def _told(done: int, total: int, what: str) -> None:
    if what and done % 100 == 0:
        log.info("clip %d of %d: %s", done, total, what)
