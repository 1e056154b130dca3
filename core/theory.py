"""Ragas, talas, svaras and sections, found by any spelling; the tables are in assets/theory.

Conventions: a svara is a letter and its variety ("R2"); its cents are those of the equal-tempered
key nearest to it, counted from the tonic, so R2 and G1 are one key (200) under two names. An
arohana or avarohana is a phrase, not a set: it may turn back on itself (vakra), start below the
middle Sa or leave out the upper one. `^` after a svara is the octave above the middle one, `_` the
octave below: "N2_ S R2 ... S^". `melakarta` is the number, 1..72, of the parent scale; a janya raga
may hold notes its parent lacks (bhashanga).

In ragas.csv `source` says what a row rests on: `computed` by the rule of the melakartas,
`pycarnatic` (the raga list of PyCarnatic, MIT), `corrected` where that list has a slip, `practice`
where it is silent. `common` marks the ragas met in collections of concert recordings. An alias with
a capital is a spelling in print; one in small letters is a slip or a cousin, resolved but not said.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeVar

from core.errors import TheoryError
from core.records import SectionName
from core.spelling import Named, Spellings, fold
from core.workspace import ASSETS

TABLES = ASSETS / "theory"

SVARAS: dict[str, int] = {
    "S": 0,
    "R1": 100,
    "R2": 200,
    "G1": 200,
    "R3": 300,
    "G2": 300,
    "G3": 400,
    "M1": 500,
    "M2": 600,
    "P": 700,
    "D1": 800,
    "D2": 900,
    "N1": 900,
    "D3": 1000,
    "N2": 1000,
    "N3": 1100,
}

_OCTAVE_CENTS = 1200
_MARKS = {"^": _OCTAVE_CENTS, "_": -_OCTAVE_CENTS}
_PAIRS = ((1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3))  # varieties of R and G, of D and N

_RAGA_WORDS = frozenset({"raga", "rag"})  # folded, so Raagam and rāgaṁ are among them
_TALA_WORDS = frozenset({"tala", "tal", "jati"})
_GARLAND = "ragamalika"
_FEW = 20  # names an error can list
_SHOWN = 60  # letters of a wrong name an error repeats


def svara_cents(svara: str) -> int:
    """Cents above the middle Sa.

    >>> svara_cents("G2"), svara_cents("S^"), svara_cents("N2_")
    (300, 1200, -200)
    """
    octave = _MARKS.get(svara[-1:], 0)
    name = svara[:-1] if octave else svara
    if name not in SVARAS:
        raise TheoryError(
            f"No svara {svara!r}. Give one of {', '.join(SVARAS)}, "
            "with ^ after it for the octave above and _ for the octave below."
        )
    return SVARAS[name] + octave


@dataclass(frozen=True)
class Raga:
    """A raga by the scale it ascends and descends; its life is in how it is sung."""

    name: str
    arohana: tuple[str, ...]
    avarohana: tuple[str, ...]
    melakarta: int
    is_melakarta: bool
    aliases: tuple[str, ...] = ()
    is_common: bool = False

    @cached_property
    def arohana_cents(self) -> tuple[int, ...]:
        """The ascent in cents above the middle Sa, as sung: upper Sa is 1200, lower Ni negative."""
        return tuple(map(svara_cents, self.arohana))

    @cached_property
    def avarohana_cents(self) -> tuple[int, ...]:
        """The descent in cents above the middle Sa, as sung."""
        return tuple(map(svara_cents, self.avarohana))

    @cached_property
    def svaras(self) -> tuple[str, ...]:
        """The distinct svaras, ascending, without octave marks."""
        names = {svara.rstrip("^_") for svara in (*self.arohana, *self.avarohana)}
        return tuple(sorted(names, key=lambda svara: (SVARAS[svara], svara)))

    @cached_property
    def cents(self) -> tuple[int, ...]:
        """The distinct keys in cents within one octave, ascending from 0."""
        return tuple(sorted({SVARAS[svara] for svara in self.svaras}))

    @property
    def parent(self) -> str:
        """The displayed name of the parent melakarta; its own for a melakarta."""
        return melakartas()[self.melakarta - 1].name


@dataclass(frozen=True)
class Tala:
    """A cycle of beats: the aksharas of each anga in order."""

    name: str
    angas: tuple[int, ...]
    aliases: tuple[str, ...] = ()

    @property
    def aksharas(self) -> int:
        """Beats in one cycle (avartana)."""
        return sum(self.angas)


@dataclass(frozen=True)
class Section:
    """A kind of passage: `id` is what records hold, `name` what is shown."""

    id: SectionName
    name: str
    description: str
    aliases: tuple[str, ...] = ()


def melakarta_svaras(number: int) -> tuple[str, ...]:
    """The seven svaras of melakarta 1..72, by Venkatamakhi's rule.

    >>> melakarta_svaras(65)
    ('S', 'R2', 'G3', 'M2', 'P', 'D2', 'N3')
    """
    if not 1 <= number <= 72:
        raise TheoryError(f"No melakarta {number}. They are numbered 1 to 72.")
    half, in_half = divmod(number - 1, 36)
    (r, g), (d, n) = _PAIRS[in_half // 6], _PAIRS[in_half % 6]
    return ("S", f"R{r}", f"G{g}", f"M{half + 1}", "P", f"D{d}", f"N{n}")


@cache
def ragas() -> tuple[Raga, ...]:
    """Every raga of the table, by displayed name."""
    return tuple(sorted((_raga(row) for row in _rows("ragas")), key=lambda raga: raga.name))


@cache
def melakartas() -> tuple[Raga, ...]:
    """The 72 parent scales in order of their numbers."""
    return tuple(sorted((r for r in ragas() if r.is_melakarta), key=lambda raga: raga.melakarta))


@cache
def talas() -> tuple[Tala, ...]:
    """Every tala of the table, the most sung first."""
    return tuple(
        Tala(row["name"], tuple(map(int, row["angas"].split("+"))), _aliases(row))
        for row in _rows("talas")
    )


@cache
def sections() -> tuple[Section, ...]:
    """Every kind of passage, in the order of a concert."""
    return tuple(
        Section(row["id"], row["name"], row["description"], _aliases(row))
        for row in _rows("sections")
    )


def raga(name: str) -> Raga:
    """The raga of that name in any spelling.

    >>> raga("rītigauḷa").name, raga("Raag Hamsadhvani").arohana
    ('Reetigowla', ('S', 'R2', 'G3', 'P', 'N3', 'S^'))
    """
    if _GARLAND in fold(name):
        raise TheoryError(
            f"{_shown(name)} is a garland of ragas, not one. Mark the passage of each raga by "
            "itself, or leave the raga empty."
        )
    return _known("raga", name, _raga_spellings)


def tala(name: str) -> Tala:
    """The tala of that name in any spelling.

    >>> tala("Ādi talam").angas, tala("khaṇḍa-jāti tripuṭa").aksharas
    ((4, 2, 2), 9)
    """
    return _known("tala", name, _tala_spellings)


def section(name: str) -> SectionName:
    """The section of that name in any spelling, as records hold it.

    >>> section("Thani Avarthanam"), section("raga ālāpana")
    ('tani avartanam', 'alapanai')
    """
    return _known("section", name, _section_spellings).id


def sections_like(name: str) -> list[SectionName]:
    """Up to three sections that `name` may be meant for, likeliest first.

    >>> sections_like("Nerval")
    ['neraval']
    """
    return [section(each) for each in _section_spellings().similar(name)]


def twins(raga: Raga) -> tuple[Raga, ...]:
    """The other ragas of exactly the same keys, which only order and gamaka tell from it."""
    return tuple(other for other in _by_cents()[raga.cents] if other != raga)


Known = TypeVar("Known", Raga, Tala, Section)


def _known(what: str, name: str, spellings: Callable[[], Spellings[Known]]) -> Known:
    found = spellings().find(name)
    if found is None:
        raise TheoryError(f"No {what} {_shown(name)}. {_hint(what, name, spellings())}")
    return found


def _shown(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")


def _hint(what: str, name: str, spellings: Spellings) -> str:
    if similar := spellings.similar(name):
        return f"Did you mean {', '.join(similar)}?"
    if len(spellings.names) <= _FEW:
        return f"Choose one of: {', '.join(spellings.names)}."
    return f"Nothing like it is known; choose from the list of {what}s."


@cache
def _raga_spellings() -> Spellings[Raga]:
    known_first = sorted(ragas(), key=lambda raga: not raga.is_common)
    return Spellings((Named(r.name, r, r.aliases) for r in known_first), _RAGA_WORDS)


@cache
def _tala_spellings() -> Spellings[Tala]:
    return Spellings((Named(t.name, t, t.aliases) for t in talas()), _TALA_WORDS)


@cache
def _section_spellings() -> Spellings[Section]:
    return Spellings(Named(s.id, s, (s.name, *s.aliases)) for s in sections())


@cache
def _by_cents() -> dict[tuple[int, ...], list[Raga]]:
    groups: dict[tuple[int, ...], list[Raga]] = {}
    for each in ragas():
        groups.setdefault(each.cents, []).append(each)
    return groups


def _raga(row: dict[str, str]) -> Raga:
    return Raga(
        name=row["name"],
        arohana=tuple(row["arohana"].split()),
        avarohana=tuple(row["avarohana"].split()),
        melakarta=int(row["melakarta"]),
        is_melakarta=row["kind"] == "melakarta",
        aliases=_aliases(row),
        is_common=row["common"] == "yes",
    )


def _aliases(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(alias.strip() for alias in row["aliases"].split("|") if alias.strip())


def _rows(table: str) -> Iterator[dict[str, str]]:
    path: Path = TABLES / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)
