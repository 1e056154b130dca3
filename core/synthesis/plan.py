"""What a sample concert holds: items of raga and tala, each a chain of sections.

plan(seed, minutes)                       a concert as the seed has it
plan(seed, minutes, ragas=["Mohanam"])    of chosen ragas and talas
Plan((Item("Mohanam", "Adi", ("alapanai", "kriti")),))    exactly this
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core import theory
from core.errors import AnnotationError
from core.records import SectionName
from core.synthesis.rhythm import Tempo

Lead = Literal["voice", "violin", "flute", "nagaswaram", "veena"]
Drum = Literal["mridangam", "close", "ghatam", "kanjira", "thavil"]
FREE: frozenset[SectionName] = frozenset({"alapanai", "violin", "tanam", "viruttam"})  # no tala
METRICAL: frozenset[SectionName] = frozenset(
    {"kriti", "tillana", "neraval", "kalpanaswaram", "tani avartanam"}
)
RENDERED = FREE | METRICAL | {"applause"}

_CHAINS: tuple[tuple[SectionName, ...], ...] = (
    ("alapanai", "violin", "kriti", "neraval", "kalpanaswaram", "tani avartanam", "applause"),
    ("alapanai", "kriti", "kalpanaswaram", "applause"),
    ("alapanai", "violin", "kriti", "applause"),
    ("alapanai", "violin", "tanam", "kriti", "kalpanaswaram", "applause"),
    ("kriti", "neraval", "kalpanaswaram", "applause"),
    ("kriti", "applause"),
    ("viruttam", "kriti", "applause"),
    ("tillana", "applause"),
)
_CHAIN_SHARES = (0.25, 0.15, 0.15, 0.12, 0.13, 0.1, 0.05, 0.05)
_SHORTEST_SECTION_S = 14.0
_SUNG_TALAS = ("Adi", "Rupaka", "Misra chapu", "Khanda chapu")
_TALA_SHARES = (0.55, 0.2, 0.15, 0.1)


@dataclass(frozen=True)
class Item:
    """One raga in one tala and the sections it is rendered in."""

    raga: str
    tala: str
    sections: tuple[SectionName, ...]
    composition: str | None = None  # one composition is one melody in every concert
    composer: str | None = None
    tempo: Tempo | None = None  # the seed decides if not said

    def __post_init__(self):
        strange = sorted(set(self.sections) - RENDERED)
        if strange or not self.sections:
            raise AnnotationError(
                f"A sample item cannot hold {strange or 'no section at all'}. "
                f"Choose from: {', '.join(sorted(RENDERED))}."
            )


@dataclass(frozen=True)
class Plan:
    """The items of one concert; what is None the seed decides."""

    items: tuple[Item, ...]
    lead: Lead | None = None
    tonic_hz: float | None = None
    drum: Drum = "mridangam"
    drone_db: float | None = None  # against the melody; the seed chooses between -24 and -14
    drum_db: float | None = None  # between -15 and -4
    shadow_db: float | None = None  # the violin behind the singer; between -16 and -9
    words: int = 8  # to a line of a song


def plan(
    seed: int,
    minutes: float,
    ragas: Sequence[str] | None = None,
    talas: Sequence[str] | None = None,
) -> Plan:
    """The concert of a seed: about five minutes an item, fewer sections where time is short."""
    rng = np.random.default_rng([seed, 11])
    n_items = max(1, round(minutes / 5))
    ragas = list(ragas) if ragas else _sung_ragas()
    pool = rng.permutation(len(ragas))
    items = []
    for i in range(n_items):
        raga = theory.raga(ragas[pool[i % len(ragas)]]).name
        tala = talas[rng.integers(len(talas))] if talas else rng.choice(_SUNG_TALAS, p=_TALA_SHARES)
        sections = _chain(rng, 60 * minutes / n_items)
        number = int(rng.integers(1, 100))
        items.append(
            Item(
                raga,
                theory.tala(str(tala)).name,
                sections,
                composition=f"Sample {raga} {number}",
                composer=f"Sample Composer {1 + number % 7}",
            )
        )
    return Plan(tuple(items))


def _chain(rng: np.random.Generator, seconds: float) -> tuple[SectionName, ...]:
    chain = _CHAINS[rng.choice(len(_CHAINS), p=_CHAIN_SHARES)]
    room = max(1, int(seconds / _SHORTEST_SECTION_S))
    return chain if len(chain) <= room else (*chain[: room - 1], chain[-1])[:room]


def _sung_ragas() -> list[str]:
    return [raga.name for raga in theory.ragas()]
