"""The best sequence of sections: Viterbi with explicit durations (semi-Markov; Ferguson 1980).

    evidence (n_seconds, n_sections) log --decode--> [(start, end, section), ...]

A segment of section k from s to e is worth the sum of its evidence, the log probability of lasting
e - s, and of following the section before it. All (start, section) pairs are tried for each end.
The file may begin within a section and end within one. The last is charged the probability of
lasting at least so long, the first that of what is left of a section met at any time (the density
of a residual life, P(longer) / mean), or of a whole one, half and half.
"""

from collections.abc import Sequence

import numpy as np

from core.segmentation.statistics import Statistics

Span = tuple[int, int, int]  # start, end (seconds), place of the section


def decode(evidence: np.ndarray, statistics: Statistics) -> list[Span]:
    """The spans that are worth most; they follow each other without a gap.

    Parameters
    ----------
    evidence : np.ndarray [shape=(n_seconds, n_sections)]
        What each second says for each section, in nats.
    """
    n, n_sections = evidence.shape
    total = np.vstack([np.zeros(n_sections), np.cumsum(evidence, axis=0)])
    first = at_start(statistics.durations)
    tables = {False: statistics.durations, True: at_least(statistics.durations)}
    longest = first.shape[1]
    # enter[s, k]: the best worth of all before s, followed by section k beginning at s
    enter = np.full((n + 1, n_sections), -np.inf)
    enter[0] = statistics.first
    began = np.zeros((n + 1, n_sections), np.int32)
    before = np.zeros((n + 1, n_sections), np.int16)
    reached = np.full((n + 1, n_sections), -np.inf)
    for end in range(1, n + 1):
        earliest = max(0, end - longest)
        lasting = tables[end == n][:, : end - earliest][:, ::-1].T
        worth = enter[earliest:end] - total[earliest:end] + lasting
        if earliest == 0:
            opening = at_least(first)[:, end - 1] if end == n else first[:, end - 1]
            worth[0] = enter[0] - total[0] + opening
        best = worth.argmax(axis=0)
        began[end] = best + earliest
        reached[end] = worth[best, np.arange(n_sections)] + total[end]
        following = reached[end][:, None] + statistics.transitions
        before[end] = following.argmax(axis=0)
        enter[end] = following.max(axis=0)
    return _traced(reached, began, before)


def at_least(durations: np.ndarray) -> np.ndarray:
    """Log probability of lasting 1, 2, ... s or longer, (n_sections, LONGEST_S)."""
    later = np.cumsum(np.exp(durations)[:, ::-1], axis=1)[:, ::-1]
    return np.log(np.maximum(later, 1e-300))


def at_start(durations: np.ndarray) -> np.ndarray:
    """Log probability that the first section of a file lasts 1, 2, ... s from the file's start."""
    p = np.exp(durations)
    later = np.exp(at_least(durations))
    residual = later / later.sum(axis=1, keepdims=True)
    return np.log(np.maximum(0.5 * p + 0.5 * residual, 1e-300))


def _traced(reached: np.ndarray, began: np.ndarray, before: np.ndarray) -> list[Span]:
    end = len(reached) - 1
    section = int(reached[end].argmax())
    spans: list[Span] = []
    while end > 0:
        start = int(began[end, section])
        spans.append((start, end, section))
        section, end = int(before[start, section]), start
    return joined(spans[::-1])


def joined(spans: Sequence[Span]) -> list[Span]:
    """Neighbours of the same section as one."""
    whole: list[Span] = []
    for start, end, section in spans:
        if whole and whole[-1][2] == section and whole[-1][1] == start:
            whole[-1] = (whole[-1][0], end, section)
        else:
            whole.append((start, end, section))
    return whole


def worth(spans: Sequence[Span], evidence: np.ndarray, statistics: Statistics) -> float:
    """What a sequence of spans is worth, in nats: what `decode` makes as large as it can be."""
    first = at_start(statistics.durations)
    total, previous = 0.0, None
    for start, end, section in spans:
        table = first if start == 0 else statistics.durations
        table = at_least(table) if end == len(evidence) else table
        total += evidence[start:end, section].sum() + table[section, end - start - 1]
        step = statistics.first if previous is None else statistics.transitions[previous]
        total += step[section]
        previous = section
    return float(total)
