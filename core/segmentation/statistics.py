"""How long sections last and what follows what, as measured on 119 real recordings.

The counts are of single items; between items a concert has applause, an announcement, or nothing.
A share of every duration is given to any length at all, since excerpts and sketches exist.
"""

import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from core.records import SECTIONS
from core.workspace import ASSETS

LONGEST_S = 1800  # a longer section is two of the same kind, joined afterwards
SHORTEST_S = 4

_ANY_LENGTH = 0.5  # the share of durations that follow no statistics
_UNSEEN = 0.25  # added to every count of a transition
_BETWEEN = {"applause": 0.5, "speech": 0.05, "other": 0.02, "next item": 0.43}


@dataclass(frozen=True)
class Statistics:
    """Log probabilities over SECTIONS, in their order.

    durations : np.ndarray [shape=(n_sections, LONGEST_S)], of lasting 1, 2, ... s
    transitions : np.ndarray [shape=(n_sections, n_sections)], from row to column
    first : np.ndarray [shape=(n_sections,)]
    shares : np.ndarray [shape=(n_sections,)], of the time of all recordings
    """

    durations: np.ndarray
    transitions: np.ndarray
    first: np.ndarray
    shares: np.ndarray


@cache
def measured() -> Statistics:
    """The statistics that come with the project."""
    table = json.loads((ASSETS / "segmentation" / "statistics.json").read_text())
    return of_table(table)


def of_table(table: dict) -> Statistics:
    """Statistics from counts and the moments of log durations."""
    moments = {**table["durations"]["measured"], **table["durations"]["assumed"]}
    durations = np.stack([_durations(*moments[name]) for name in SECTIONS])
    starts = _smoothed(np.array([table["first"].get(name, 0) for name in SECTIONS], float))
    time = {**table["shares of time"]["measured"], **table["shares of time"]["assumed"]}
    shares = np.log([time[name] for name in SECTIONS])
    transitions = np.log(_transitions(table, starts))
    return Statistics(durations, transitions, np.log(_opening(starts)), shares)


def _durations(mean: float, deviation: float) -> np.ndarray:
    """Log probability of each length: log-normal, and a share spread evenly over the octaves."""
    seconds = np.arange(1, LONGEST_S + 1)
    log_s = np.log(seconds)
    normal = np.exp(-0.5 * ((log_s - mean) / deviation) ** 2) / seconds
    uniform = (seconds >= SHORTEST_S) / seconds
    mixed = (1 - _ANY_LENGTH) * normal / normal.sum() + _ANY_LENGTH * uniform / uniform.sum()
    mixed[: SHORTEST_S - 1] = 0
    with np.errstate(divide="ignore"):
        return np.log(mixed / mixed.sum())


def _smoothed(counts: np.ndarray) -> np.ndarray:
    counts = counts + _UNSEEN
    return counts / counts.sum()


def _opening(starts: np.ndarray) -> np.ndarray:
    """A file may begin anywhere: half by the counts of how items begin, half with anything."""
    return 0.5 * starts + 0.5 / len(starts)


def _transitions(table: dict, starts: np.ndarray) -> np.ndarray:
    n = len(SECTIONS)
    counts = np.zeros((n, n))
    for before, after, count in table["transitions"]:
        counts[SECTIONS.index(before), SECTIONS.index(after)] = count
    ends = np.array([table["last"].get(name, 0) for name in SECTIONS], float)
    between = sum(
        share * np.eye(n)[SECTIONS.index(name)]
        for name, share in _BETWEEN.items()
        if name in SECTIONS
    )
    between = between + _BETWEEN["next item"] * starts
    for section in ("applause", "speech", "other", "tillana"):
        ends[SECTIONS.index(section)] = 10
    total = counts.sum(axis=1) + ends + 1
    follows = (counts + ends[:, None] * between + 1 / n) / total[:, None]
    follows[np.arange(n), np.arange(n)] *= 0.5  # the same again is usually one
    return follows / follows.sum(axis=1, keepdims=True)
