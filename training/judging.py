"""Stage 8, the judge's bench: pictures become sound, and each passage is judged by ear alone.

    Passage (pictures of one raga and section) --codec--> sound --core.raga--> Verdict

Nothing here knows how the pictures came to be, nor shares a weight with what a model was trained
against; no torch, so that many processes can work at once. A passage holds at least `SHORTEST_S` of
sound, over several pictures: less is too little melody to judge.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from core import theory
from core.codec import REFERENCE_TONIC_HZ
from core.spectrogram import codec_from

SHORTEST_S = 15.0
SUNG = ("alapanai", "tanam", "kriti", "neraval", "kalpanaswaram", "violin", "viruttam", "tillana")


@dataclass(frozen=True)
class Passage:
    """Pictures to be sounded one after another and judged together.

    Attributes
    ----------
    images : np.ndarray [shape=(n_pictures, n_rows, n_columns), uint8]
    raga : str or None
        What was asked for, or what a recording is in.
    audio : Path, optional
        Where the sound is kept.
    """

    images: np.ndarray
    raga: str | None
    section: str
    tala: str | None = None
    audio: Path | None = None

    @property
    def is_sung(self) -> bool:
        """Whether there is a melody whose raga can be judged."""
        return self.section in SUNG and self.raga is not None


@dataclass(frozen=True)
class Verdict:
    """What was heard in a passage; None where it could not be judged.

    Attributes
    ----------
    adherence, permuted : float
        Percentile of the raga among note sets as large (chance 50), and the mean of the percentiles
        of the other ragas, which is what any melody of these ragas gets under a wrong name.
    share, forbidden, violations : float
        Of the rests: on the raga's svaras, on foreign ones; of the steps: against the direction.
    place, place_of_keys : int
        Where the raga stands among the candidates, 1 the first; and the first of its note set.
    stable_s : float
        Seconds of steady pitch.
    heard_section : str
        What the segmentation model calls it.
    mridangam : float
        Share of drum energy in drum and melody, 0..1, by the same model's ear.
    """

    raga: str | None
    section: str
    tala: str | None = None
    stable_s: float = 0.0
    adherence: float | None = None
    permuted: float | None = None
    share: float | None = None
    forbidden: float | None = None
    violations: float | None = None
    place: int | None = None
    place_of_keys: int | None = None
    heard_section: str | None = None
    mridangam: float | None = None

    def row(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Bench:
    """Where passages are judged: among which ragas, by how many processes, whether sections too."""

    codec: dict[str, Any]  # parameters
    ragas: tuple[str, ...]
    workers: int = 1
    sections: bool = True

    def judge(
        self, passages: Sequence[Passage], tell: Callable[[int], object] = lambda n: None, pool=None
    ) -> list[Verdict]:
        """Judge passages in order; `pool` is an executor to use again, else one is opened."""
        from core.executors import executor

        task = partial(judged, codec=self.codec, ragas=self.ragas, sections=self.sections)
        if pool is not None:
            return list(_counted(pool.map(task, passages), tell))
        if self.workers == 1:
            return list(_counted(map(task, passages), tell))
        with executor(self.workers) as opened:
            return list(_counted(opened.map(task, passages), tell))


def _counted(verdicts: Iterable[Verdict], tell: Callable[[int], object]) -> Iterable[Verdict]:
    for verdict in verdicts:
        tell(1)
        yield verdict


def judged(
    passage: Passage, codec: dict[str, Any], ragas: tuple[str, ...], sections: bool = True
) -> Verdict:
    """Sound a passage and judge it."""
    from core import audio

    sounding = codec_from({**codec, "tonic_hz": REFERENCE_TONIC_HZ})
    y = np.concatenate([sounding.decode(image) for image in passage.images])
    if passage.audio:
        audio.write(passage.audio, y, sounding.sr, {"title": f"{passage.section} {passage.raga}"})
    said = {"raga": passage.raga, "section": passage.section, "tala": passage.tala}
    if sections:
        said |= _of_section(y, sounding.sr)
    if passage.is_sung:
        said |= _of_raga(y, sounding.sr, passage.raga, ragas)
    return Verdict(**said)


def _of_raga(y: np.ndarray, sr: int, raga: str, ragas: tuple[str, ...]) -> dict[str, Any]:
    from core.pitch import f0
    from core.raga import adherence
    from core.raga_ranking import rank

    track, true = f0(y, sr), theory.raga(raga)
    own = adherence(track, REFERENCE_TONIC_HZ, true)
    known = tuple(theory.raga(name) for name in dict.fromkeys((*ragas, raga)))
    said = {"stable_s": own.stable_s, "adherence": own.percentile}  # 50 where it is not judged
    others = [each for each in known if each.cents != true.cents]
    found = [adherence(track, REFERENCE_TONIC_HZ, each).percentile for each in others]
    said["permuted"] = float(np.mean(found)) if found else 50.0
    if not own.judged:
        return said
    said |= {
        "share": own.share,
        "forbidden": own.forbidden,
        "violations": own.direction_violations,
    }
    order = [each.raga for each in rank(track, REFERENCE_TONIC_HZ, known)]
    said["place"] = 1 + order.index(true)
    said["place_of_keys"] = 1 + [each.cents for each in order].index(true.cents)
    return said


def _of_section(y: np.ndarray, sr: int) -> dict[str, Any]:
    """What the segmentation model calls most of the passage, and its ear for the mridangam."""
    from core.records import SECTIONS
    from core.segmentation import mridangam
    from core.segmentation.listening import listen_to

    model, heard = _segmenter(), listen_to(y, sr)
    if heard.is_silent:
        return {}
    likely = model.say(heard).sections.mean(axis=0)
    level = mridangam.level(model.drum, heard, 0.0, heard.duration_s)
    return {"heard_section": SECTIONS[int(likely.argmax())], "mridangam": level}


@cache
def _segmenter():
    from core.segmentation.model import SHIPPED, Model

    return Model.load(SHIPPED)
