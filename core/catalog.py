"""Stage 1, the catalogue of concerts: thousands of videos by raga, tala, composer and artist.

It reads the pages behind ramanarunachalam.github.io/Music/Carnatic, from the site or from a folder,
and only those a question needs: an artist's, else a raga's, a composer's, a section's. Rows are a
pandas table (`core.catalog_pages.COLUMNS`); what was dropped is counted by reason.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from core import theory
from core.artists import instrument, known_artists
from core.catalog_listing import shown, write_rows
from core.catalog_names import Names, resolved
from core.catalog_pages import Page, Table, generic, is_of, raga_of, read_page, table
from core.catalog_search import UNKNOWN_RAGA, Wanted, filtered, folded
from core.catalog_source import NoPage, Source, source_of
from core.catalog_talas import ENOUGH, Talas
from core.catalog_totals import PAGE as PROGRAMMES
from core.catalog_totals import totals
from core.command import run, told
from core.errors import CatalogError
from core.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

Tell = Callable[[float, str], object]  # the share done, 0..1, and what is being done
Key = tuple[str, str]  # category and name of a page

_PAGES = ("artist", "raga", "composer", "song")  # in this order: the fewest rows first
_KEPT_PAGES = 64  # tables that are held in memory


@dataclass(frozen=True)
class Found:
    """Rows, how many were dropped for which reason, and what else the user should know."""

    rows: "pd.DataFrame"
    dropped: Counter = field(default_factory=Counter)
    notes: tuple[str, ...] = ()
    wanted: Wanted = field(
        default_factory=Wanted
    )  # with every name as the catalogue or theory spells it
    everything: "pd.DataFrame | None" = None  # all rows of the pages that were read


class Catalog:
    """The concerts of one source."""

    def __init__(self, source: Source):
        self.source = source
        self._tables: dict[Key, Table] = {}
        self._talas = Talas(source)
        self._totals: dict[str, Counter] | None = None

    @cached_property
    def names(self) -> Names:
        """What the ids mean."""
        return Names(self.source.load("id"))

    @property
    def names_at_hand(self) -> Names | None:
        """What the ids mean, without asking the site; None if nothing was fetched yet."""
        if "names" in vars(self):
            return self.names
        ids = self.source.kept("id")
        return None if ids is None else Names(ids)

    def count(self) -> None:
        """Count all concerts, for `totals`; what cannot be had is not counted."""
        if self._totals is None:
            try:
                self._totals = totals(self.source.load(PROGRAMMES), self.names)
            except CatalogError as error:  # a search goes on without
                log.debug("no totals: %s", error)
                self._totals = {}

    def totals(self) -> dict[str, Counter]:
        """How often each raga, composer and section is heard in all; {} if that is not at hand."""
        names, content = self.names_at_hand, None
        if self._totals is None and names is not None:
            content = self.source.kept(PROGRAMMES)
        if content is not None and names is not None:
            self._totals = totals(content, names)
        return self._totals or {}

    def offered(self, category: str) -> list[str] | None:
        """The names that may be searched for in a category, as the rows spell them; None if the
        site would have to be asked.
        """
        known, pages = self.names_at_hand, self.source.listing(category)
        if known is None:
            return None
        names = [name for name in known.all(category) if pages is None or name in pages]
        if category == "raga":
            names = [raga_of(name) or name for name in names]
        return sorted(set(names), key=str.casefold)

    def search(self, wanted: Wanted, *, all_talas: bool = False, tell: Tell | None = None) -> Found:
        """The rows that are wanted, the most seen first.

        `all_talas` fetches the page of every song; else talas are said where that page is at hand,
        and fetched only if a tala is asked for.

        Raises
        ------
        CatalogError
            If a name is unknown, nothing narrows the search down, or a page cannot be read.
        """
        wanted = self.resolved(wanted)
        everything, dropped, notes = self._read(self._keys(wanted), tell)
        rows = filtered(everything, replace(wanted, tala=None, known_raga=False))
        if wanted.known_raga:
            dropped[UNKNOWN_RAGA] = int(rows["raga"].isna().sum())
            rows = rows[rows["raga"].notna()]
        fetches = all_talas or bool(wanted.tala)
        rows, unsaid = self.with_talas(rows, tell, fetches=fetches)
        if unsaid and not fetches:
            notes.append(
                f"The talas of {unsaid} songs were not looked up: each is a page of its own. Ask "
                "for a tala, or for all of them (--talas)."
            )
        elif unsaid:
            notes.append(f"The pages of {unsaid} songs could not be read: {self._talas.trouble}")
        if wanted.tala:
            rows = rows[rows["tala"] == wanted.tala]
        rows = rows.sort_values("views", ascending=False, na_position="last", kind="stable")
        everything = everything.assign(tala=self._talas.of(everything["song"]))
        return Found(
            rows.reset_index(drop=True), +dropped, tuple(dict.fromkeys(notes)), wanted, everything
        )

    def resolved(self, wanted: Wanted) -> Wanted:
        """`wanted` with each name as the rows spell it, whatever spelling it was given in."""
        said = {}
        for category in ("artist", "composer", "song"):
            if name := getattr(wanted, category):
                said[category] = self.names.find(category, name)
        if wanted.raga:
            name = self.names.find("raga", wanted.raga)
            said["raga"] = resolved(theory.raga, name) or name
        if wanted.tala:
            said["tala"] = theory.tala(wanted.tala).name
        if wanted.section:
            said["section"] = theory.section(wanted.section)
        if wanted.instrument:
            said["instrument"] = instrument(wanted.instrument)
        return replace(wanted, **said)

    def _keys(self, wanted: Wanted) -> list[Key]:
        """The pages to read: the first of what was asked that has pages of its own."""
        for category in _PAGES:
            if name := getattr(wanted, category):
                return [(category, self.names.find(category, name))]
        if wanted.section and not (wanted.instrument and wanted.section == "kriti"):
            return [("type", name) for name in self._types_of(wanted.section)]
        if wanted.instrument:
            players = [n for n, played in known_artists().items() if played == wanted.instrument]
            known = set(self.names.all("artist"))
            return [("artist", name) for name in players if name in known]
        raise CatalogError(
            "The whole catalogue is too much to read. Say an artist, a raga, a composer, a section "
            "or an instrument."
        )

    def _types_of(self, section: str) -> list[str]:
        types = self.names.all("type")
        found = [name for name in types if resolved(theory.section, name) == section]
        if not found:
            raise CatalogError(
                f"The catalogue has no page for {section}. Say an artist, a raga or a composer too."
            )
        return found

    def _read(
        self, keys: list[Key], tell: Tell | None
    ) -> tuple["pd.DataFrame", Counter, list[str]]:
        """The rows of several pages, once each; a page that is not there is said."""
        import pandas as pd

        frames, dropped, notes, absent, n_unnamed = [], Counter(), [], [], 0
        for k, (category, name) in enumerate(keys):
            if tell:
                tell(k / len(keys), f"reading {category}/{name}")
            try:
                page = self._table((category, name))
            except CatalogError as error:
                if len(keys) == 1 or len(notes) >= ENOUGH:
                    raise
                if isinstance(error, NoPage):
                    absent.append(name)
                else:
                    notes.append(str(error))
                continue
            frames.append(page.rows)
            dropped += page.dropped
            n_unnamed += page.n_unnamed
            if not page.is_known:
                notes.append(
                    f"{category}/{name}.json is of another version than id.json: what its ids mean "
                    "is not known. Get both from the same version."
                )
        if absent:
            notes.append(f"There is no page of {_some(absent)}.")
        if not frames:
            raise CatalogError(f"{notes[0]} Say an artist, a raga or a composer too.")
        if n_unnamed:
            notes.append(f"id.json does not hold the song or raga of {n_unnamed} rows.")
        rows, twice = folded(pd.concat(frames, ignore_index=True))
        return rows, dropped + twice, notes

    def _table(self, key: Key) -> Table:
        if key not in self._tables:
            page = self._page(key)
            while len(self._tables) >= _KEPT_PAGES:
                self._tables.pop(next(iter(self._tables)))
            self._tables[key] = table(page, self.names)
        return self._tables[key]

    def _page(self, key: Key) -> Page:
        category, name = key
        page = read_page(category, name, self.source.load(f"{category}/{name}"))
        if not is_of(page, self.names) and not self.source.is_local:
            self.__dict__["names"] = Names(self.source.renewed("id"))  # it may be the newer one
            page = read_page(category, name, self.source.load(f"{category}/{name}"))
        return page

    def with_talas(
        self, rows: "pd.DataFrame", tell: Tell | None = None, *, fetches: bool = True
    ) -> tuple["pd.DataFrame", int]:
        """The rows with their talas, and how many songs' pages were not looked up."""
        types = set(self.names.all("type"))
        songs = [song for song in rows["song"].dropna().unique() if generic(song) not in types]
        unsaid = self._talas.look_up(songs, self.names, tell, fetches=fetches)
        return rows.assign(tala=self._talas.of(rows["song"])), unsaid


def main(
    artist: str | None = None,
    raga: str | None = None,
    tala: str | None = None,
    composer: str | None = None,
    section: str | None = None,
    instrument: str | None = None,
    song: str | None = None,
    min_minutes: float = 0.0,
    max_minutes: float = 0.0,
    known_raga: bool = False,
    talas: bool = False,
    source: str | None = None,
    out: Path | None = None,
    workspace: Path | None = None,
) -> str:
    """Search the catalogue of concerts; the rows go to standard output, the most seen first.

    Parameters
    ----------
    artist
        The lead artist. Names are understood in any spelling.
    raga
        A raga.
    tala
        A tala; the page of every song that is left is looked up for it.
    composer
        A composer.
    section
        alapanai, tani avartanam, tillana, kriti ...
    instrument
        What the lead artist plays, of those the project knows: violin, veena, flute, voice ...
    song
        A composition.
    min_minutes
        Rows of at least so many minutes.
    max_minutes
        Rows of at most so many minutes.
    known_raga
        Leave out rows whose raga nobody said.
    talas
        Look up the tala of every row.
    source
        A folder that holds id.json and the pages, or the address of one; by default the public
        site.
    out
        Write the rows to this CSV, which python -m core.download --rows takes.
    workspace
        Where fetched pages are kept; by default $STUDIO_WORKSPACE, else workspace/.
    """
    wanted = Wanted(
        artist,
        raga,
        tala,
        composer,
        section,
        instrument,
        song,
        min_minutes,
        max_minutes,
        known_raga,
    )
    catalog = Catalog(source_of(source, Workspace.at(workspace)))
    with told("catalogue") as tell:
        found = catalog.search(wanted, all_talas=talas, tell=tell)
    for each in (*_counted(found.dropped), *found.notes):
        log.info(each)
    log.info("%d rows", len(found.rows))
    if out:
        write_rows(found.rows, out)
    return shown(found.rows)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} others" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _counted(dropped: Counter) -> Iterable[str]:
    if dropped:
        said = ", ".join(f"{n} {reason}" for reason, n in dropped.most_common())
        yield f"dropped: {said}"


if __name__ == "__main__":
    run(main)
