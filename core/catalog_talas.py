"""Stage 1, the tala of a song, which only the song's own page says: looked up once, as needed."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from core.catalog_names import Names
from core.catalog_pages import is_of, read_page, tala_of
from core.catalog_source import NoPage, Source
from core.errors import CatalogError

if TYPE_CHECKING:
    import pandas as pd

ENOUGH = 3  # pages that fail before the site is left in peace


class Talas:
    """The talas that were looked up; `trouble` is why the last page could not be read."""

    def __init__(self, source: Source):
        self.trouble = ""
        self._source = source
        self._known: dict[str, str | None] = {}

    def of(self, songs: "pd.Series") -> "pd.Series":
        """The tala of each song, as far as it was looked up."""
        return songs.map(self._known).astype("str")

    def look_up(
        self,
        songs: Iterable[str],
        names: Names,
        tell: Callable[[float, str], object] | None = None,
        *,
        fetches: bool = True,
    ) -> int:
        """Read the pages of these songs, those at hand or all of them; how many were not read."""
        wanted = [song for song in songs if song not in self._known]
        unread = n_failed = 0
        for k, song in enumerate(wanted):
            at_hand = self._source.is_local or self._source.has(f"song/{song}")
            if n_failed >= ENOUGH or not (fetches or at_hand):
                unread += 1
                continue
            if tell:
                tell(k / len(wanted), f"looking up the tala of {song}")
            try:
                self._known[song] = self._tala(song, names)
            except CatalogError as error:  # a song is not worth losing the others for
                self.trouble = str(error)
                n_failed, unread = n_failed + 1, unread + 1
        return unread

    def _tala(self, song: str, names: Names) -> str | None:
        try:
            page = read_page("song", song, self._source.load(f"song/{song}"))
        except NoPage:
            return None
        return tala_of(page) if is_of(page, names) else None
