"""What is heard in one clip by the independent judges, each clip in a process of its own.

A clip may be a picture that a model drew, a sample concert's passage through the codec, or a file.
All are judged by the same ears, `core.pitch`, `core.raga` and `core.avartana`, so that their
figures may stand side by side:

- adherence: the percentile of the raga's svaras among note sets as large, chance being 50; `others`
  is the mean of the same for the other ragas (permuted labels).
- right: the likeliest of the ragas taught is the one asked for, or has the same keys.
- steady: the share of the time in which the pitch rests.
- melody: the share in which there is a pitch that is neither the drone's nor the drum's, which are
  both tuned to Sa (or Pa). A drone alone is "voiced" for 0.8 of a tani avartanam.
- struck: how suddenly it gets louder; `Scale` turns it into the level of a mridangam (0 none, 1
  nothing else) by sample passages whose true level is known.
- tala, akshara_s: which of the talas the strokes' cycle fits best, at any tempo it is sung in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

NOTE_CENTS = 60.0  # this near to Sa or Pa is the drone or the drum
TEMPO_ERROR = 0.05  # of an akshara; three tempi lie a fifth or more apart
LOWEST_SUNG_CENTS = -600.0  # the drum's left head is lower


@dataclass(frozen=True)
class Asked:
    """A clip to be heard, and by which names it may go."""

    section: str
    raga: str | None = None
    tala: str | None = None
    tempo: str | None = None
    seed: int = 0
    tonic_hz: float | None = None  # listened for, if not known
    seconds: float = 15.0


@dataclass(frozen=True)
class Heard:
    """What was heard of a clip; None where it cannot be told."""

    asked: Asked
    steady: float = 0.0
    melody: float = 0.0
    struck: float = 0.0
    adherence: float | None = None
    share: float = 0.0
    others: float | None = None
    right: bool | None = None
    tala: str | None = None
    akshara_s: float | None = None
    level: float | None = None  # of the mridangam, where it is known
    liked: float | None = None  # by the recogniser of pictures, where it chose

    @property
    def is_in_tala(self) -> bool:
        """Whether the tala asked for fits the strokes best."""
        return self.tala == self.asked.tala

    @property
    def is_in_tempo(self) -> bool:
        """Whether its cycle also lasts as long as in the sample concerts of the tempo asked for."""
        asked = akshara_s(self.asked.tala, self.asked.tempo)
        return self.is_in_tala and abs(self.akshara_s / asked - 1) <= TEMPO_ERROR


def akshara_s(tala: str, tempo: str) -> float:
    """Seconds of an akshara in the sample concerts whose captions call their tempo so."""
    from core.synthesis.rhythm import metre
    from core.theory import tala as tala_called

    return metre(tala_called(tala), np.random.default_rng(0), tempo).akshara_s


def hear(y: np.ndarray, sr: int, asked: Asked, ragas: Sequence[str], talas: Sequence[str]) -> Heard:
    """Judge one clip by the ragas and talas it may be in."""
    from core.avartana import beginnings, strokes
    from core.pitch import f0
    from core.tonic import listen, tonics

    tonic_hz, track = asked.tonic_hz, f0(y, sr)
    if tonic_hz is None:
        tonic_hz = tonics(listen([y], sr)[1])[0].hz
    struck = strokes(beginnings(y, sr).mean(axis=0, keepdims=True))
    heard = Heard(
        asked,
        steady=float(track.resting.mean()),
        melody=float(_is_melody(track.cents(tonic_hz)).mean()),
        struck=float(struck.mean()),
    )
    if asked.raga:
        heard = _judged(heard, track, tonic_hz, ragas)
    return _timed(heard, y, sr, talas) if asked.tala else heard


def _is_melody(cents: np.ndarray) -> np.ndarray:
    """Which frames have a pitch that is neither the drone's nor the drum's."""
    off = [np.abs((cents - note + 600) % 1200 - 600) > NOTE_CENTS for note in (0, 700)]
    return off[0] & off[1] & (cents > LOWEST_SUNG_CENTS)  # NaN compares false


def _judged(heard: Heard, track, tonic_hz: float, ragas: Sequence[str]) -> Heard:
    from core import theory
    from core.raga import adherence
    from core.raga_ranking import rank

    own = theory.raga(heard.asked.raga)
    known = list(dict.fromkeys((*map(theory.raga, ragas), own)))
    found = adherence(track, tonic_hz, own)
    rivals = [adherence(track, tonic_hz, each) for each in known if each.cents != own.cents]
    likely = rank(track, tonic_hz, known)
    return replace(
        heard,
        adherence=found.percentile,
        share=found.share,
        others=float(np.mean([each.percentile for each in rivals])) if rivals else None,
        right=bool(likely) and likely[0].raga.cents == own.cents,
    )


def _timed(heard: Heard, y: np.ndarray, sr: int, talas: Sequence[str]) -> Heard:
    from core import theory
    from core.avartana import cycles

    may_be = list(dict.fromkeys(map(theory.tala, (*talas, heard.asked.tala))))
    likeliest = cycles(y, sr, may_be)[0]
    return replace(heard, tala=likeliest.tala.name, akshara_s=likeliest.akshara_s)


def hear_picture(image: np.ndarray, codec, asked: Asked, ragas, talas) -> Heard:
    """Sound a model's picture as the studio does, and judge it."""
    from training.sounding import finished

    y = codec.decode(image, seed=asked.seed % 2**32)
    return hear(
        finished(y[: round(asked.seconds * codec.sr)], codec.sr), codec.sr, asked, ragas, talas
    )


def hear_sample(asked: Asked, codec, ragas, talas) -> Heard:
    """Render a passage, draw and sound it by the codec, and judge it: the ceiling."""
    from core import synthesis

    item = synthesis.Item(asked.raga, asked.tala or "Adi", (asked.section,), tempo=asked.tempo)
    minutes = 2 * asked.seconds / 60
    concert = synthesis.render(
        asked.seed, minutes, synthesis.Plan((item,), tonic_hz=asked.tonic_hz)
    )
    y = concert.y[: round(asked.seconds * concert.sr)]
    sounded = codec.decode(codec.encode(y, concert.sr))
    heard = hear(sounded, codec.sr, asked, ragas, talas)
    return replace(heard, level=concert.segments[0].mridangam_level)


def hear_file(path: Path, start_s: float, asked: Asked, ragas, talas) -> Heard:
    """Judge a stretch of a recording or of someone's clip."""
    from core import audio

    y, sr = audio.load(path, start_s=start_s, end_s=start_s + asked.seconds)
    return hear(y, sr, asked, ragas, talas)


class Scale:
    """From how strongly strokes begin to the level of a mridangam, by passages of known level."""

    def __init__(self, known: Sequence[Heard]):
        from sklearn.isotonic import IsotonicRegression

        self._rising = IsotonicRegression(out_of_bounds="clip").fit(
            [each.struck for each in known], [each.level for each in known]
        )

    def level(self, heard: Sequence[Heard]) -> np.ndarray:
        """The level of each clip, 0 none to 1 nothing else, [shape=(n_clips,)]."""
        return self._rising.predict([each.struck for each in heard])


def best_of(heard: Sequence[Heard], n: int) -> list[Heard]:
    """Of each `n` clips that differ in their seeds, the one that the recogniser likes best."""
    return [
        max(heard[i : i + n], key=lambda each: each.liked)
        for i in range(0, len(heard) - n + 1, n)
        if all(each.liked is not None for each in heard[i : i + n])
    ]
