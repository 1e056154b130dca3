"""A second in its surroundings: what the classifier sees of it.

    Heard --features--> X (n_seconds, n_features)    for sections
    Heard --near--> X (n_seconds, n_near)            for who leads the melody

Means over 5, 15 and 45 s, in which a section shows, and the spread over 15 s. What depends on the
singer, the hall or the codec is counted from the recording's own median (`relative`); a short
recording keeps part of it, since it may be of one kind throughout.
"""

import json
from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.ndimage import uniform_filter1d

from core.segmentation import repetition, seconds
from core.segmentation.listening import NAMES, Heard
from core.workspace import ASSETS

LEAD_NAMES = ("voice leads", "violin leads", "nobody leads")
_SPANS_S = (5, 15, 45)
_SOUNDING = 0.3  # share of a second that is voiced
_SETTLED_S = 60.0  # half of a median of this many seconds is believed
_VOICE = ("range", "glide", "steady", "shake", "leaps", "tone", "same pitch", "onset contrast")
_OWN = ("level", "spread", *_VOICE, *seconds.TIMBRE)  # counted from the recording's own median

GROUPS = {
    "percussion": seconds.PERCUSSION,
    "onsets": seconds.ONSETS,
    "pulse": seconds.PULSE,
    "melody": seconds.MELODY,
    "timbre": seconds.TIMBRE,
    "noise": seconds.NOISE,
    "repetition": repetition.NAMES,
    "lead": (*LEAD_NAMES, "turns", "voice in it"),
}


def features(heard: Heard, leads: np.ndarray) -> np.ndarray:
    """What the section classifier sees, (n_seconds, len(names())) float32.

    Parameters
    ----------
    leads : np.ndarray [shape=(n_seconds, 3), 0..1]
        Probabilities of LEAD_NAMES, by the lead classifier.
    """
    rows = np.hstack([relative(heard), leads])
    short, middle, long = (_mean(rows, span) for span in _SPANS_S)
    spread = np.sqrt(np.maximum(_mean(np.square(rows), _SPANS_S[1]) - np.square(middle), 0))
    turns = _mean(np.abs(np.diff(leads[:, 1], prepend=leads[:1, 1])), _SPANS_S[2])
    in_all = np.full(len(rows), _share_of_voice(leads))
    return np.column_stack([short, middle, long, spread, turns, in_all]).astype(np.float32)


def names() -> tuple[str, ...]:
    """The columns of `features`: a measure, and over what it is taken."""
    base = (*NAMES, *LEAD_NAMES)
    spans = [f"{name} over {span} s" for span in _SPANS_S for name in base]
    return (*spans, *(f"spread of {name}" for name in base), "turns", "voice in it")


def columns_of(group: str) -> np.ndarray:
    """Which columns of `features` belong to a group of measures, (n_features,) bool."""
    wanted = set(GROUPS[group])
    return np.array([_measure_of(name) in wanted for name in names()])


def _measure_of(column: str) -> str:
    return column.removeprefix("spread of ").split(" over ")[0]


def near(heard: Heard) -> np.ndarray:
    """What the lead classifier sees: the second itself and 5 s around it, (n_seconds, n_near)."""
    rows = relative(heard)
    keep = [i for i, name in enumerate(NAMES) if name not in repetition.NAMES]
    return np.hstack([_mean(rows, 3)[:, keep], _mean(rows, 9)[:, keep]]).astype(np.float32)


def relative(heard: Heard) -> np.ndarray:
    """Rows as they would be of a usual recording, (n_seconds, len(NAMES)).

    What depends on singer, hall and codec is moved so that its median over all sounding seconds is
    that of the sample concerts, and how alike two times of a line are is scaled so that its 90th
    percentile is theirs; of a short recording only in part.
    """
    rows = heard.rows.astype(np.float32).copy()
    sounding = heard.column("voiced") > _SOUNDING
    n = int(sounding.sum())
    belief = n / (n + _SETTLED_S)
    rows[:, NAMES.index("level")] = _under_loudest(heard)
    pitch = NAMES.index("pitch")
    pitched = sounding & (heard.column("range") > 0)
    middle = np.median(rows[pitched, pitch]) if pitched.any() else 0.0
    rows[:, pitch] = np.where(heard.column("voiced") > 0.1, rows[:, pitch] - middle, 0)
    if n:
        for name, usual in usual_values()["median"].items():
            column = NAMES.index(name)
            rows[:, column] -= belief * (np.median(rows[sounding, column]) - usual)
        for name, usual in usual_values()["most"].items():
            column = NAMES.index(name)
            most = max(1e-3, float(np.percentile(rows[sounding, column], 90)))
            rows[:, column] *= np.clip((usual / most) ** belief, 0.6, 2.5)
    return rows


def _under_loudest(heard: Heard) -> np.ndarray:
    level = heard.column("level")
    return np.maximum(level - np.percentile(level, 90), -60)


@cache
def usual_values() -> dict[str, dict[str, float]]:
    """Medians and 90th percentiles of sounding seconds, by measure, in the sample concerts."""
    return json.loads((ASSETS / "segmentation" / "usual.json").read_text())


def usual_of(many: Sequence[Heard]) -> dict[str, dict[str, float]]:
    """What `usual_values` are of these recordings: the median over them of each one's own."""
    found: dict[str, dict[str, float]] = {"median": {}, "most": {}}
    for kind, names_, share in (("median", _OWN, 50), ("most", repetition.NAMES, 90)):
        for name in names_:
            each = [_of_sounding(heard, name, share) for heard in many]
            found[kind][name] = round(float(np.median(each)), 4)
    return found


def _of_sounding(heard: Heard, name: str, share: int) -> float:
    values = _under_loudest(heard) if name == "level" else heard.column(name)
    return float(np.percentile(values[heard.column("voiced") > _SOUNDING], share))


def _mean(rows: np.ndarray, span: int) -> np.ndarray:
    """The running mean over so many seconds; at the edges over what there is."""
    total = uniform_filter1d(rows, span, axis=0, mode="constant")
    share = uniform_filter1d(np.ones(len(rows), np.float32), span, mode="constant")
    return total / share[:, None] if rows.ndim == 2 else total / share


def _share_of_voice(leads: np.ndarray) -> float:
    """How much of what is led at all is led by a voice: a violin recital has none."""
    led = leads[:, 0] + leads[:, 1]
    sure = led > 0.5
    if sure.sum() < 5:
        return 0.5
    return float(leads[sure, 0].sum() / led[sure].sum())
