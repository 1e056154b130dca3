"""What the mridangam plays: sollukattu in the tala, fills, nadai, mohra and korvai.

A cell is a string with one letter per pulse, "." for none; an avartana is its cells in order. The
first stroke of an avartana (sama) is struck with both hands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.synthesis.mridangam import Stroke
from core.theory import Tala

Tempo = Literal["slow", "medium", "fast"]
TEMPI: dict[Tempo, float] = {"fast": 0.15, "medium": 0.5, "slow": 0.85}  # of the way to the slowest
_PULSES_S = {2: (0.16, 0.26), 4: (0.12, 0.23)}  # fastest and slowest, by pulses in an akshara

_LETTERS = {
    "t": "tha",
    "k": "ki",
    "d": "dhi",
    "n": "nam",
    "D": "dhin",
    "c": "chapu",
    "T": "thom",
    "g": "gumki",
    "l": "ka",
    "m": "tham",
    "M": "dhom",
}

_GROOVES = {  # by pulses
    2: ("n.", "d.", "tk", "D.", "T.", "lk"),
    3: ("n.d", "tkt", "M.k", "D.l", "T.n"),
    4: ("n.dn", "D.lk", "T.n.", "M.nd", "c.lk", "n.Tn", "d.nT", "t.dn", "D.D.", "m.nd"),
    5: ("n.dTn", "tdlTn", "D.lkn", "M.knd"),
    6: ("n.dn.T", "D.lkn.", "T.n.dn", "M.ndlk", "c.lkd."),
    7: ("n.d.lTn", "D.lkndn", "M.nd.Tn", "T.n.dnk"),
    8: ("n.dnT.dn", "D.lkD.nd", "M.ndc.lk", "T.n.d.n."),
}
_FILLS = {  # by pulses: every pulse struck
    2: ("tk", "dn", "lT"),
    3: ("tkt", "dlT", "ndk"),
    4: ("tkdn", "tlkt", "dTnk", "ntkd"),
    5: ("tdlTn", "tkdTn", "ndlkT"),
    6: ("tkdnlT", "tdklTn", "tktlkd"),
    7: ("t.dlkTn", "tktdlTn", "ndktlTn"),
    8: ("tkdntkdn", "tlktdTnk", "dnTkdlTn"),
}


@dataclass(frozen=True)
class Metre:
    """A tala at a tempo: `pulses` of `pulse_s` seconds in each akshara."""

    tala: Tala
    pulses: int
    pulse_s: float

    @property
    def akshara_s(self) -> float:
        """Seconds between two claps or finger counts."""
        return self.pulses * self.pulse_s

    @property
    def avartana(self) -> int:
        """Pulses in one cycle."""
        return self.pulses * self.tala.aksharas

    @property
    def avartana_s(self) -> float:
        """Seconds in one cycle."""
        return self.avartana * self.pulse_s

    def groups(self, pulses: int) -> tuple[int, ...]:
        """How one cycle is divided for the hand, at `pulses` to an akshara.

        A chapu is heard by its unequal halves, any other tala by its aksharas.
        """
        if "chapu" in self.tala.name:
            return tuple(anga * pulses for anga in self.tala.angas)
        return (pulses,) * self.tala.aksharas


def metre(tala: Tala, rng: np.random.Generator, tempo: Tempo | None = None) -> Metre:
    """A tempo that fits the tala; cycles last as in real concerts (Adi about 5.6 s).

    A named tempo is the same in every concert; without one the seed decides.
    """
    pulses = 2 if "chapu" in tala.name or tala.aksharas == 6 else 4
    fastest, slowest = _PULSES_S[pulses]
    if tempo:
        return Metre(tala, pulses, fastest + TEMPI[tempo] * (slowest - fastest))
    return Metre(tala, pulses, float(rng.uniform(fastest, slowest)))


@dataclass(frozen=True)
class Groove:
    """The cells one mridangam player keeps coming back to in one item."""

    metre: Metre
    cells: tuple[str, ...]

    @classmethod
    def chosen(cls, metre: Metre, rng: np.random.Generator) -> "Groove":
        """Two cells in turn; each anga opens, and the avartana closes, with one of its own."""
        sizes = metre.groups(metre.pulses)
        motifs = {size: _motifs(size, rng) for size in sorted(set(sizes))}
        cells = [motifs[size][i % 2] for i, size in enumerate(sizes)]
        if len(sizes) > len(metre.tala.angas):
            for opening in np.cumsum(metre.tala.angas)[:-1]:
                cells[opening] = motifs[sizes[opening]][2]
        cells[-1] = motifs[sizes[-1]][3]
        return cls(metre, tuple(cells))

    def avartana(self, rng: np.random.Generator, busy: float, fill: bool) -> list[Stroke]:
        """One cycle; `busy` 0..1 is how many cells are struck on every pulse."""
        groups = self.metre.groups(self.metre.pulses)
        cells = [
            _cell(_FILLS, g, rng) if rng.random() < busy else cell
            for g, cell in zip(groups, self.cells, strict=True)
        ]
        if fill:
            n = max(1, len(cells) // 3)
            cells[-n:] = [_cell(_FILLS, g, rng) for g in groups[-n:]]
        return _struck(cells, self.metre.pulse_s, rng)


def tani(metre: Metre, n_avartanas: int, rng: np.random.Generator) -> list[Stroke]:
    """Percussion alone: sarvalaghu, other nadais, faster, then mohra and korvai."""
    groove = Groove.chosen(metre, rng)
    nadais = [metre.pulses, metre.pulses, *_nadais(metre.pulses, rng)]
    strokes: list[Stroke] = []
    n_korvai = 1 if n_avartanas < 4 else 2
    for cycle in range(n_avartanas - n_korvai):
        progress = cycle / max(1, n_avartanas - n_korvai)
        pulses = nadais[min(int(progress * len(nadais)), len(nadais) - 1)]
        if pulses == metre.pulses:
            played = groove.avartana(rng, 0.3 + 0.6 * progress, fill=cycle % 2 == 1)
        else:
            cells = [_nadai_cell(g, rng) for g in metre.groups(pulses)]
            played = _struck(cells, metre.akshara_s / pulses, rng)
        strokes += later(played, cycle * metre.avartana_s)
    ending = korvai(metre, n_korvai, rng)
    return strokes + later(ending, (n_avartanas - n_korvai) * metre.avartana_s)


def korvai(metre: Metre, n_avartanas: int, rng: np.random.Generator) -> list[Stroke]:
    """A phrase three times with equal gaps, filling `n_avartanas` to the pulse."""
    total = n_avartanas * metre.avartana
    lead_in, phrase, gap = threefold(total, rng)
    sizes = _cut(phrase, rng)
    cells = [_cell(_FILLS, size, rng) for size in sizes]
    text = "".join(cells)
    before = "".join(_cell(_FILLS, size, rng) for size in _cut(lead_in, rng))
    rest = "m" + "." * (gap - 1) if gap else ""
    return _struck([before, text, rest, text, rest, text], metre.pulse_s, rng, loud=0.2)


def threefold(total: int, rng: np.random.Generator) -> tuple[int, int, int]:
    """Pulses before, in, and between the three phrases of a korvai: they sum to `total`.

    >>> before, phrase, gap = threefold(32, np.random.default_rng(0))
    >>> before + 3 * phrase + 2 * gap
    32
    """
    fitting = [
        (total - 3 * phrase - 2 * gap, phrase, gap)
        for phrase in range(3, total // 3 + 1)
        for gap in range(0, 4)
        if 0 <= total - 3 * phrase - 2 * gap <= total // 3
    ]
    return fitting[rng.integers(len(fitting))] if fitting else (total, 0, 0)


def _motifs(size: int, rng: np.random.Generator) -> list[str]:
    """Four different cells of one length."""
    motifs: list[str] = []
    while len(motifs) < 4:
        cell = _cell(_GROOVES, size, rng)
        if cell not in motifs:
            motifs.append(cell)
    return motifs


def _nadais(pulses: int, rng: np.random.Generator) -> list[int]:
    others = [3, 5, 6] if pulses == 2 else [3, 5, 6, 8]
    return sorted(rng.choice(others, size=2, replace=False).tolist())


def _nadai_cell(size: int, rng: np.random.Generator) -> str:
    table = _FILLS if rng.random() < 0.6 else _GROOVES
    return "".join(_cell(table, part, rng) for part in _cut(size, rng))


def _cut(size: int, rng: np.random.Generator) -> list[int]:
    """Cells of 2 to 8 pulses that sum to `size` (a single pulse only if that is all there is)."""
    parts = []
    while size > 8 or (size > 5 and rng.random() < 0.5):
        part = int(rng.integers(3, 6)) if size > 7 else 3
        parts.append(part)
        size -= part
    return [*parts, size] if size else parts


def _cell(table: dict[int, tuple[str, ...]], size: int, rng: np.random.Generator) -> str:
    if size == 1:
        return "t"
    if size not in table:
        return "".join(_cell(table, part, rng) for part in _cut(size, rng))
    choices = table[size]
    return choices[rng.integers(len(choices))]


def _struck(
    cells: Sequence[str], pulse_s: float, rng: np.random.Generator, loud: float = 0.0
) -> list[Stroke]:
    strokes, pulse = [], 0
    for cell in cells:
        for place, letter in enumerate(cell):
            sama = not strokes and not pulse
            if letter != "." or sama:
                name = "tham" if sama else _LETTERS[letter]
                accent = 1.0 if sama else 0.75 if place == 0 else 0.5
                level = min(1.0, accent * rng.uniform(0.8, 1.1) + loud)
                shaky = 0.0 if sama else rng.normal(0, 0.004)  # a hand is 4 ms early or late
                strokes.append(Stroke(pulse * pulse_s + shaky, name, level, sama))
            pulse += 1
    return strokes


def later(strokes: Sequence[Stroke], by_s: float) -> list[Stroke]:
    return [Stroke(s.time_s + by_s, s.name, s.level, s.sama) for s in strokes]
