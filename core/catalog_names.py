"""Stage 1, what the ids of one snapshot mean: its id.json, of either generation.

    nested   {"raga": {"2": ["Kalyani", "kalyANi"], ...}, "artist": {...}, ...}
    flat     {"1024": "Kalyani", "1025": "kalyANi", ...}: an even id, and its transliteration after

In the flat one an id means one thing whatever it is asked as, and a generic song ("Thani") is
named by the id of its type. What nobody knows ("Unknownraga", id 0) is None here.
"""

from collections.abc import Callable, Mapping

from core import theory
from core.catalog_source import parts
from core.errors import CatalogError, TheoryError
from core.spelling import Named, Spellings

CATEGORIES = ("type", "tala", "raga", "artist", "composer", "song")

_GENERIC = 20_000  # from here on a nested song's id means a kind of passage
ARTIST_COMPOSED = (
    2000  # in the nested one, the id of a composer who is an artist is this and theirs
)

_FLAT_FROM = {  # the ids of a category in the flat generation
    "type": range(7, 200),
    "tala": range(200, 1000),
    "raga": range(1000, 3000),
    "artist": range(3000, 5000),
    "composer": range(5000, 10_000),
    "song": range(10_000, 10**9),
}


class Names:
    """What the ids of one snapshot mean."""

    def __init__(self, ids: object):
        """Take the content of an id.json.

        Raises
        ------
        CatalogError
            If it has neither of the two shapes.
        """
        if not isinstance(ids, dict) or not ids:
            raise CatalogError("id.json holds no names. Fetch or copy it again.")
        self.is_flat = all(isinstance(value, str) for value in ids.values())
        if self.is_flat:
            flat = {int(k): v for k, v in ids.items() if k.isdecimal()}
            self._of = {category: flat for category in CATEGORIES}
        else:
            self._of = {category: _named(ids.get(category)) for category in CATEGORIES}
        self._indices: dict[str, Spellings[str]] = {}
        if not any(self._of.values()):
            raise CatalogError(
                f"id.json holds {', '.join(map(repr, list(ids)[:3]))}... where ids of "
                f"{', '.join(CATEGORIES)} are wanted. Check that it is the catalogue's own."
            )

    def of(self, category: str, number: object) -> str | None:
        """The displayed name of an id; None if it is unknown or means nobody."""
        if not isinstance(number, int) or number == 0:
            return None
        name = self._of[category].get(number)
        if name is None and category == "composer" and not self.is_flat:
            name = self._of["artist"].get(number - ARTIST_COMPOSED)
        return None if name is None or name.startswith("Unknown") else name

    def holds(self, category: str, number: object) -> bool:
        """Whether this snapshot says what the id means; of no id there is nothing to say."""
        return not number or number in self._of[category]

    def all(self, category: str) -> tuple[str, ...]:
        """Every name of a category that a page may have, in order."""
        return tuple(self._spellings(category).names)

    def find(self, category: str, wanted: str) -> str:
        """The catalogue's own spelling of a name given in any.

        Raises
        ------
        CatalogError
            If it has none like it.
        """
        spellings = self._spellings(category)
        if wanted in spellings.names:  # two names may differ in a number alone
            return wanted
        found = spellings.find(wanted) or self._by_theory(category, wanted)
        if found is None and category == "composer":  # an artist who composes
            found = self._spellings("artist").find(wanted)
        if found is None:
            similar = spellings.similar(wanted)
            hint = f"Did you mean {', '.join(similar)}?" if similar else "Check the spelling."
            raise CatalogError(f"The catalogue has no {category} {wanted[:60]!r}. {hint}")
        return found

    def is_composition(self, number: int | None) -> bool:
        """Whether the id of a song means a composition, not a kind of passage ("Thani")."""
        if self.is_flat:
            name = self._of["song"].get(number) if number else None
            return name is not None and number in _FLAT_FROM["song"] and " - " not in name
        return bool(number) and number < _GENERIC

    def _spellings(self, category: str) -> Spellings[str]:
        if category not in self._indices:
            self._indices[category] = Spellings(self._entries(category))
        return self._indices[category]

    def _entries(self, category: str) -> list[Named[str]]:
        allowed = _FLAT_FROM[category] if self.is_flat else None
        step = 2 if self.is_flat else 1
        names = {
            name
            for number, name in self._of[category].items()
            if number % step == 0 and (allowed is None or number in allowed) and _is_page(name)
        }
        return [Named(name, name) for name in sorted(names, key=str.casefold)]

    def _by_theory(self, category: str, wanted: str) -> str | None:
        """A raga or tala whose spellings only the theory brings together."""
        resolve = {"raga": theory.raga, "tala": theory.tala}.get(category)
        meant = resolved(resolve, wanted) if resolve else None
        if resolve is None or meant is None:
            return None
        names = self.all(category)
        return next((name for name in names if resolved(resolve, name) == meant), None)


def resolved(resolve: Callable, name: str) -> str | None:
    """The name that theory displays, or None if it does not know it."""
    try:
        found = resolve(name)
    except TheoryError:
        return None
    return found if isinstance(found, str) else found.name


def _named(entries: object) -> dict[int, str]:
    """The names of one category: each entry is [name, transliteration], or the name alone."""
    if not isinstance(entries, Mapping):
        return {}
    found = {}
    for key, value in entries.items():
        name = value[0] if isinstance(value, list) and value else value
        if isinstance(name, str) and str(key).isdecimal():
            found[int(key)] = name
    return found


def _is_page(name: str) -> bool:
    if not name or name.startswith("Unknown"):
        return False
    try:
        return len(parts(name)) == 1
    except CatalogError:
        return False
