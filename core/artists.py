"""Who plays what: the table of artists in assets/theory, spelled as the concert catalogue does.

The catalogue names one lead artist a row and no instrument; this table says it for the well-known.
Whoever sings and plays in about equal parts is not in it: nothing is guessed.
"""

import csv
from functools import cache

from core.errors import CatalogError
from core.spelling import Named, Spellings
from core.workspace import ASSETS

TABLES = ASSETS / "theory"


@cache
def instruments() -> tuple[str, ...]:
    """The instruments of the table, those of melody first."""
    return tuple(row["name"] for row in _rows("instruments"))


@cache
def known_artists() -> dict[str, str]:
    """Every artist of the table and their instrument."""
    return {row["name"]: row["instrument"] for row in _rows("artists")}


def instrument(name: str) -> str:
    """The instrument of that name in any spelling.

    >>> instrument("Nadaswaram"), instrument("vocal")
    ('nagaswaram', 'voice')
    """
    found = _instrument_spellings().find(name)
    if found is None:
        raise CatalogError(f"No instrument {name!r}. Choose one of: {', '.join(instruments())}.")
    return found


@cache
def instrument_of(artist: str) -> str | None:
    """What an artist plays, or None if the table does not know.

    >>> instrument_of("Lalgudi Jayaraman"), instrument_of("Lalgudi G Jayaraman")
    ('violin', 'violin')
    """
    return _artist_spellings().find(artist)


@cache
def _artist_spellings() -> Spellings[str]:
    return Spellings(Named(r["name"], r["instrument"], _aliases(r)) for r in _rows("artists"))


@cache
def _instrument_spellings() -> Spellings[str]:
    return Spellings(Named(r["name"], r["name"], _aliases(r)) for r in _rows("instruments"))


def _aliases(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(filter(None, row["aliases"].split("|")))


def _rows(table: str) -> list[dict[str, str]]:
    with (TABLES / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
