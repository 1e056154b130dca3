"""Stage 1, what is wanted of the catalogue: rows filtered, the same music twice folded, counted.

Names are in the catalogue's own spelling (artists, composers) or theory's (ragas, talas, sections)
by the time they arrive here; `core.catalog` resolves what a person types.
"""

from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from core.catalog_pages import SAME_SONG

if TYPE_CHECKING:
    import pandas as pd

FACETS = ("raga", "tala", "composer", "artist", "instrument", "section")

UNKNOWN_RAGA = "unknown raga"
TWICE = "the same stretch twice"
UPLOADED_AGAIN = "likely uploaded again"
_SAME_MUSIC = [SAME_SONG, "section", "raga", "artist", "duration_s"]


@dataclass(frozen=True)
class Wanted:
    """What rows are looked for; None and 0 ask for nothing."""

    artist: str | None = None
    raga: str | None = None
    tala: str | None = None
    composer: str | None = None
    section: str | None = None
    instrument: str | None = None
    song: str | None = None
    min_minutes: float = 0.0
    max_minutes: float = 0.0
    known_raga: bool = False

    def without(self, facet: str) -> "Wanted":
        """The same but for one of `FACETS`."""
        return replace(self, **{facet: None})

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))


def folded(rows: "pd.DataFrame") -> tuple["pd.DataFrame", Counter]:
    """One row of each stretch, and of each performance that was uploaded several times the most
    seen; how many were dropped for either.

    A performance is taken for the same if song, raga, artist and length are, to the second; the
    parts of one video never are.
    """
    dropped: Counter = Counter()
    if rows.empty:
        return rows.drop(columns=SAME_SONG), dropped
    said = rows["raga"].notna().astype(int) + rows["song"].notna().astype(int)
    best = rows.assign(_said=said).sort_values(
        ["_said", "views"], ascending=False, na_position="last", kind="stable"
    )
    once = best.drop_duplicates(["video_id", "start_s", "end_s"])
    dropped[TWICE] = len(rows) - len(once)
    alike = once.dropna(subset=[SAME_SONG, "artist", "duration_s"])
    alike = alike.sort_values("views", ascending=False, na_position="last", kind="stable")
    first = alike.groupby(_SAME_MUSIC, dropna=False)["video_id"].transform("first")
    copies = alike.index[alike["video_id"] != first]
    kept = once.drop(index=copies).drop(columns=["_said", SAME_SONG]).sort_index()
    dropped[UPLOADED_AGAIN] = len(copies)
    return kept.reset_index(drop=True), +dropped


def filtered(rows: "pd.DataFrame", wanted: Wanted) -> "pd.DataFrame":
    """The rows that are wanted."""
    keep = rows["video_id"].notna()
    for facet in (*FACETS, "song"):
        if value := getattr(wanted, facet):
            keep &= rows[facet] == value
    if wanted.known_raga:
        keep &= rows["raga"].notna()
    if wanted.min_minutes:
        keep &= rows["duration_s"] >= 60 * wanted.min_minutes
    if wanted.max_minutes:
        keep &= rows["duration_s"] <= 60 * wanted.max_minutes
    return rows[keep]


def facets(rows: "pd.DataFrame", wanted: Wanted) -> dict[str, list[tuple[str, int]]]:
    """For each facet its values and how many rows each would leave, the most first.

    Counted over the rows that all other choices leave, so that a choice can be changed.
    """
    found = {}
    for facet in FACETS:
        counts = filtered(rows, wanted.without(facet))[facet].value_counts()
        pairs = [(str(value), int(n)) for value, n in counts.items()]
        found[facet] = sorted(pairs, key=lambda pair: (-pair[1], pair[0].casefold()))
    return found
