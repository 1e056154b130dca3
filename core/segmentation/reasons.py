"""Why a stretch was called what it was, in words: only what was measured there.

Limits lie between what the sample concerts and a few real recordings showed of each kind.
"""

from collections.abc import Iterator

import numpy as np

from core.records import SectionName
from core.segmentation.listening import NAMES, Heard

_BEATEN = 0.6  # share of the 10 s around in which the pulse stays
_CLEAR_BEAT = 0.25
_AGAIN, _NOT_AGAIN = 0.55, 0.5
_NOISY = 0.45  # flatness
_TURNS = 0.06  # changes of the leader a second


def reason(
    section: SectionName,
    heard: Heard,
    leads: np.ndarray,
    stretch: tuple[int, int, float],
) -> str:
    """What speaks for the section, most telling first; what speaks against it is not left out.

    Parameters
    ----------
    leads : np.ndarray [shape=(n_seconds, 3)]
    stretch : (first second, last second, mridangam level 0..1)
    """
    first, last, level = stretch
    means = dict(zip(NAMES, heard.rows[first:last].mean(axis=0).tolist(), strict=True))
    who = leads[first:last]
    said = [*_drum(level, means), *_pulse(means), *_leader(section, who, means)]
    if section in ("kriti", "neraval", "kalpanaswaram", "tillana"):
        said += [*_lines(means), *_turns(who)]
    if section in ("applause", "speech", "other"):
        said = [*_no_music(means), *said]
    return ", ".join(said)


def _drum(level: float, means: dict[str, float]) -> Iterator[str]:
    if level < 0.03 and means["struck"] < 0.2:
        yield "no mridangam"
    elif level >= 0.85 and means["flatness"] < _NOISY:
        yield "mridangam alone"
    elif level >= 0.4:
        yield "much mridangam"
    elif means["onset"] > 0.45:
        yield "with mridangam"


def _pulse(means: dict[str, float]) -> Iterator[str]:
    beaten = means["pulse kept"] >= _BEATEN and means["beat"] >= _CLEAR_BEAT
    free = means["pulse kept"] < 0.5 or means["beat"] < 0.18
    if beaten:
        yield f"a steady pulse of {2 ** means['pulse rate']:.1f} a second"
    elif free:
        yield "no pulse"


def _leader(section: str, who: np.ndarray, means: dict[str, float]) -> Iterator[str]:
    voice, violin, nobody = who.mean(axis=0)
    if means["voiced"] < 0.3 or nobody > 0.6:
        yield "no melody"
    elif violin > 0.65:
        yield "the violin leads"
    elif voice > 0.65:
        yield "a voice leads"


def _lines(means: dict[str, float]) -> Iterator[str]:
    melody, words = means["melody again"], means["words again"]
    if melody >= _AGAIN and words >= _AGAIN:
        yield "lines return with their words"
    elif words >= _AGAIN + 0.05:
        yield "words return to another melody"
    elif max(melody, words) < _NOT_AGAIN:
        yield "lines do not return"


def _turns(who: np.ndarray) -> Iterator[str]:
    changes = np.abs(np.diff(who[:, 1])).mean() if len(who) > 1 else 0.0
    if changes > _TURNS and 0.15 < who[:, 1].mean() < 0.85:
        yield "voice and violin take turns"


def _no_music(means: dict[str, float]) -> Iterator[str]:
    if means["flatness"] >= _NOISY and means["onsets"] > 4:
        yield "noise of many onsets, as of hands"
    elif means["flatness"] >= _NOISY:
        yield "noise"
    elif means["gaps"] > 0.3 and means["voiced"] < 0.8:
        yield "pitch comes and goes with pauses"
    elif means["steady"] > 0.9:
        yield "a pitch that does not move"
