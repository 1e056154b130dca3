"""Stage 8, from verdicts to figures: shares and means with their 95 % intervals.

Intervals are by bootstrap over passages (Efron 1979), so they say how far the figure depends on
which passages were drawn; not how far it depends on the training run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.judging import SUNG, Verdict

N_RESAMPLED = 2000
CONFIDENCE = 95.0


@dataclass(frozen=True)
class Figure:
    """A mean of `n` values and its interval; NaN of none."""

    mean: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float], seed: int = 0) -> "Figure":
        """The mean of values, with its bootstrap interval."""
        found = np.array([each for each in values if each is not None], dtype=float)
        found = found[np.isfinite(found)]
        if not len(found):
            return cls(float("nan"), float("nan"), float("nan"), 0)
        rng = np.random.default_rng(seed)
        means = found[rng.integers(len(found), size=(N_RESAMPLED, len(found)))].mean(axis=1)
        tail = (100 - CONFIDENCE) / 2
        low, high = np.percentile(means, [tail, 100 - tail])
        return cls(float(found.mean()), float(low) + 0.0, float(high) + 0.0, len(found))

    def __str__(self) -> str:
        if not self.n:
            return "–"
        widest = max(abs(self.mean), self.high - self.low)
        digits = 0 if widest >= 10 or widest == 0 else 1 if widest >= 1 else 2
        return f"{self.mean:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"

    def row(self) -> dict[str, Any]:
        """As plain values; what is not known is None."""
        if not self.n:
            return {"mean": None, "low": None, "high": None, "n": 0}
        return {name: round(getattr(self, name), 4) for name in ("mean", "low", "high")} | {
            "n": self.n
        }


Measure = Callable[[Verdict], float | None]


def _percent(condition: bool | None) -> float | None:
    return None if condition is None else 100.0 * condition


def _at_most(place: int | None, limit: int) -> float | None:
    """Whether a raga is among the first; where there was too little melody it is not."""
    if place is None:
        return 0.0
    return _percent(place <= limit)


SUNG_MEASURES: dict[str, Measure] = {
    "adherence": lambda v: v.adherence,
    "own minus permuted": lambda v: v.adherence - v.permuted,
    "top-1 %": lambda v: _at_most(v.place, 1),
    "top-1 up to twins %": lambda v: _at_most(v.place_of_keys, 1),
    "top-5 %": lambda v: _at_most(v.place, 5),
    "forbidden rests %": lambda v: None if v.forbidden is None else 100 * v.forbidden,
    "wrong direction %": lambda v: None if v.violations is None else 100 * v.violations,
    "steady pitch s": lambda v: v.stable_s,
}


def sung_figures(verdicts: Sequence[Verdict]) -> dict[str, Figure]:
    """What the judge says of the melodies."""
    sung = [each for each in verdicts if each.section in SUNG and each.adherence is not None]
    return {name: Figure.of([of(each) for each in sung]) for name, of in SUNG_MEASURES.items()}


def section_figures(verdicts: Sequence[Verdict]) -> dict[str, Figure]:
    """How much mridangam there is where there should be none and where there is little else."""
    by = {
        "mridangam in alapanai": "alapanai",
        "mridangam in tani avartanam": "tani avartanam",
    }
    found = {
        name: Figure.of([v.mridangam for v in verdicts if v.section == section])
        for name, section in by.items()
    }
    heard = [_percent(v.heard_section == v.section) for v in verdicts if v.heard_section]
    return found | {"section right %": Figure.of(heard)}


def by_kind(verdicts: Sequence[Verdict], kind: str) -> dict[str, dict[str, Figure]]:
    """The figures of each raga or section."""
    names = sorted({getattr(each, kind) for each in verdicts if getattr(each, kind)})
    return {
        name: sung_figures([each for each in verdicts if getattr(each, kind) == name])
        for name in names
    }


def confused_sections(verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    """How often each section that was asked for was heard as each."""
    found: dict[str, dict[str, int]] = {}
    for each in verdicts:
        if each.heard_section:
            counts = found.setdefault(each.section, {})
            counts[each.heard_section] = counts.get(each.heard_section, 0) + 1
    return found
