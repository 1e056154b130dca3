"""The violin's own layer: passages in the tala in which it alone has the melody.

Run apart from the sections, since a violin's reply lies over a neraval or a kalpanaswaram. A reply
in an alapanai is a section of the concert's own chain and comes from there. In a violin recital the
violin is the lead and nothing is a reply.
"""

from collections.abc import Sequence

import numpy as np

from core.segmentation.decoding import decode
from core.segmentation.model import SOME_VOICE
from core.segmentation.statistics import LONGEST_S, Statistics

_OVER = ("kriti", "neraval", "kalpanaswaram", "tillana")
_WEIGHT = 0.5  # of a second's evidence
_SHORTEST_S = 20
_SURE = 0.75  # mean probability, below which a passage is not told


def passages(
    leads: np.ndarray, sections: Sequence[tuple[int, int, str]]
) -> list[tuple[int, int, float]]:
    """Violin passages: first and last second, and their mean probability.

    Parameters
    ----------
    leads : np.ndarray [shape=(n_seconds, 3)]
        Probabilities of voice, violin, nobody.
    sections : sequence of (first second, last second, section)
    """
    voice, violin = leads[:, 0], leads[:, 1]
    if voice.sum() < SOME_VOICE * (voice + violin).sum():
        return []
    found = []
    for start, end, section in sections:
        if section in _OVER:
            found += [
                (start + first, start + last, p)
                for first, last, p in _within(leads[start:end])
                if last - first >= _SHORTEST_S and p >= _SURE and last - first < end - start
            ]
    return found


def _within(leads: np.ndarray) -> list[tuple[int, int, float]]:
    """Where the violin leads in one section: two states with durations (semi-Markov)."""
    violin = leads[:, 1]
    log = np.log(np.column_stack([1 - violin, violin]) + 0.01)
    spans = decode(_WEIGHT * log, _turns())
    return [(a, b, float(violin[a:b].mean())) for a, b, state in spans if state == 1]


def _turns() -> Statistics:
    """Turns of any length from 5 s on, short ones being more common."""
    seconds = np.arange(1, LONGEST_S + 1)
    likely = (seconds >= 5) / seconds**1.5
    with np.errstate(divide="ignore"):
        durations = np.log(np.tile(likely / likely.sum(), (2, 1)))
        transitions = np.log(np.array([[0.0, 1.0], [1.0, 0.0]]))
    first = np.log(np.array([0.8, 0.2]))
    return Statistics(durations, transitions, first, np.zeros(2))
