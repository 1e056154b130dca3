"""Stage 1, what is wanted of the catalogue: rows filtered, the same music twice folded, counted.

Names are in the catalogue's own spelling (artists, composers) or theory's (ragas, talas, sections)
by the time they arrive here; `core.catalog` resolves what a person types.
"""

from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from core.catalog_pages import SAME_MUSIC

if TYPE_CHECKING:
    import pandas as pd

FACETS = ("raga", "tala", "composer", "artist", "instrument", "section")

UNKNOWN_RAGA = "unknown raga"
TWICE = "the same stretch twice"
UPLOADED_AGAIN = "likely uploaded again"


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
    seen, with the ids of the other whole videos in `uploads`; how many were dropped for either.

    A performance is taken for the same if song, raga, artist and length are, to the second; the
    parts of one video never are.
    """
    stretch = ["video_id", "start_s", "end_s"]
    twice = rows[rows.duplicated(stretch, keep=False)]
    twice = twice.assign(said=twice["raga"].notna().astype(int) + twice["song"].notna().astype(int))
    twice = twice.sort_values(["said", "views"], ascending=False, kind="stable")
    once = rows.drop(index=twice.index[twice.duplicated(stretch)])
    alike = once[(once[SAME_MUSIC] != 0) & once[SAME_MUSIC].duplicated(keep=False)]
    alike = alike.sort_values("views", ascending=False, na_position="last", kind="stable")
    first = alike.groupby(SAME_MUSIC)["video_id"].transform("first")
    copies = alike[alike["video_id"] != first]
    whole = copies[copies["start_s"].isna()]
    others = whole["video_id"].groupby(whole[SAME_MUSIC]).agg(" ".join)
    kept = once.drop(index=copies.index)
    uploads = kept[SAME_MUSIC].map(others).astype("str")
    kept = kept.drop(columns=SAME_MUSIC).assign(uploads=uploads).reset_index(drop=True)
    dropped = {TWICE: len(rows) - len(once), UPLOADED_AGAIN: len(copies)}
    return kept, +Counter(dropped)


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
