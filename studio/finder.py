"""Stage 1 in the page: what a visitor found in the catalogue, and how a page of it is shown.

Rows stay on the server; the browser gets one page of them, and says which it ticks.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from core import theory
from core.artists import instruments, known_artists
from core.catalog import Catalog, Found
from core.catalog_orders import orders_of, rows_of
from core.catalog_search import FACETS, Wanted, facets
from core.catalog_source import SITE, source_of
from core.errors import CatalogError
from core.records import SECTIONS
from core.workspace import Workspace, replacing
from core.youtube import Order

if TYPE_CHECKING:
    import pandas as pd

PAGE = 15  # rows
HEADS = ("Music", "Raga", "Tala", "Composer", "Length", "Seen")

# Tells Python which rows of the page are ticked: all of them each time, so that none is lost
# where one ticks faster than the page can say so.
TICKS = """
element.addEventListener('change', (event) => {
  const box = event.target.closest('input[data-row]');
  if (!box) return;
  const boxes = [...element.querySelectorAll('tbody input[data-row]')];
  if (box.dataset.row === 'all') boxes.forEach((each) => { each.checked = box.checked; });
  const numbers = (some) => some.map((each) => Number(each.dataset.row));
  trigger('tick', {rows: numbers(boxes), on: numbers(boxes.filter((each) => each.checked))});
});
watch('value', () => {  // a box of the page before may be used again for another row
  element.querySelectorAll('input[data-row]').forEach((each) => {
    each.checked = each.hasAttribute('checked');
  });
});
"""

_CHOSEN_BY = ("artist", "raga", "composer", "section", "instrument")  # as core.catalog does
_OF_THE_SITE = ("artist", "composer", "raga")  # facets whose values are the site's own

Choices = list[tuple[str, str]]


@dataclass
class Hunt:
    """What one visitor found, ticked, and looks at."""

    found: Found | None = None
    ticked: set[int] = field(default_factory=set)
    page: int = 0

    @property
    def n_pages(self) -> int:
        """How many pages the rows fill."""
        return 1 if self.found is None else max(1, -(-len(self.found.rows) // PAGE))

    def turn(self, by: int) -> None:
        """Go on or back by so many pages."""
        self.page = min(max(0, self.page + by), self.n_pages - 1)

    def tick(self, rows: list[int], on: list[int]) -> None:
        """Of these rows, have those that are `on` ticked and no other, by their place."""
        n_rows = 0 if self.found is None else len(self.found.rows)
        chosen = {row for row in on if isinstance(row, int) and 0 <= row < n_rows}
        self.ticked = (self.ticked - set(rows)) | chosen

    @property
    def chosen(self) -> "pd.DataFrame":
        """The ticked rows."""
        return self.found.rows.iloc[sorted(self.ticked)]


class Finder:
    """The catalogue that a workspace searches; one search at a time, as the site is owed."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace
        self._setting = workspace.catalog() / "source.txt"
        self._lock = threading.Lock()
        self._catalog: Catalog | None = None

    @property
    def source(self) -> str:
        """The folder or address that is searched."""
        return self._setting.read_text().strip() if self._setting.exists() else SITE

    def change_source(self, text: str) -> None:
        """Search another folder or address from now on.

        Raises
        ------
        CatalogError
            If there is no catalogue.
        """
        text = text.strip() or SITE
        catalog = Catalog(source_of(text, self._workspace))
        with self._lock:
            _ = catalog.names  # else it is refused here
            with replacing(self._setting) as part:
                part.write_text(text)
            self._catalog = catalog

    def search(self, wanted: Wanted, tell: Callable) -> Found:
        """The rows that are wanted."""
        with self._lock:
            found = self._opened().search(wanted, tell=tell)
            tell(0.9, "counting the catalogue's concerts")
            self._opened().count()
            return found

    def orders(self, hunt: Hunt, tell: Callable) -> list[Order]:
        """The videos of the ticked rows, with all that the catalogue says of them."""
        if hunt.found is None or not hunt.ticked:
            raise CatalogError("No row is ticked yet. Tick what you want, then press Download.")
        everything = hunt.found.everything
        chosen = everything[everything["video_id"].isin(set(hunt.chosen["video_id"]))]
        with self._lock:
            known, _ = self._opened().with_talas(chosen, tell)
            ticked, _ = self._opened().with_talas(hunt.chosen, tell)
        return orders_of(rows_of(ticked), rows_of(known))

    def choices(self, hunt: Hunt) -> dict[str, Choices]:
        """What each dropdown offers: values of the rows that were found, with how many rows each
        would leave. Of what the pages were chosen by, every other value too.
        """
        if hunt.found is None:
            return {facet: self._all(facet) for facet in FACETS}
        wanted = hunt.found.wanted
        chosen_by = next((each for each in _CHOSEN_BY if getattr(wanted, each)), None)
        offered = {}
        for facet, counts in facets(hunt.found.everything, wanted).items():
            is_open = facet in (chosen_by, "tala")  # a tala is looked up when it is asked for
            others = self._names(facet) if is_open else [getattr(wanted, facet)]
            counted = {name for name, _ in counts}
            offered[facet] = [(f"{name} ({n})", name) for name, n in counts]
            offered[facet] += [(name, name) for name in others if name and name not in counted]
        return offered

    def _all(self, facet: str) -> Choices:
        """Every value, with how often it is heard in all concerts where that is known."""
        with self._lock:
            counts = self._opened().totals().get(facet, {})
        names = sorted(self._names(facet), key=lambda name: -counts.get(name, 0))
        return [(f"{name} ({counts[name]:,})" if name in counts else name, name) for name in names]

    def _names(self, facet: str) -> list[str]:
        """Values that may be searched for, without asking the site for anything."""
        with self._lock:
            known = self._opened().offered(facet) if facet in _OF_THE_SITE else None
        if known is not None:
            return known
        offered = {
            "raga": lambda: [raga.name for raga in theory.ragas() if raga.is_common],
            "tala": lambda: [tala.name for tala in theory.talas()],
            "artist": lambda: sorted(known_artists()),
            "composer": list,
            "instrument": lambda: list(instruments()),
            "section": lambda: list(SECTIONS),
        }
        return offered[facet]()

    def _opened(self) -> Catalog:
        if self._catalog is None:
            self._catalog = Catalog(source_of(self.source, self._workspace))
        return self._catalog


def rows_html(hunt: Hunt, in_library: frozenset[str]) -> str:
    """One page of the rows, each with a box to tick it."""
    if hunt.found is None:
        return (
            '<p class="notice">Choose an artist, a raga, a composer, a section or an instrument: '
            "thousands of concerts are listed, many with timed alapanais and tani avartanams.</p>"
        )
    rows = hunt.found.rows
    if rows.empty:
        return '<p class="notice">Nothing like that was found. Take one of the choices back.</p>'
    first = hunt.page * PAGE
    shown = rows.iloc[first : first + PAGE]
    views = shown["views"].to_numpy(dtype=float, na_value=math.nan)
    shown = shown.assign(views=views)
    body = "".join(
        _row_html(first + k, row, first + k in hunt.ticked, row.video_id in in_library)
        for k, row in enumerate(shown.itertuples())
    )
    all_ticked = set(range(first, first + len(shown))) <= hunt.ticked
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    return (
        f'<label class="pick every"><input type="checkbox" data-row="all"'
        f"{' checked' if all_ticked else ''}> All on this page</label>"
        f'<table class="rows found"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def _row_html(number: int, row, is_ticked: bool, is_here: bool) -> str:
    start_s = 0 if math.isnan(row.start_s) else int(row.start_s)
    address = f"https://www.youtube.com/watch?v={escape(row.video_id)}&amp;t={start_s}"
    here = ' <span class="badge">in the library</span>' if is_here else ""
    who = _said(row.artist) + (f" ({_said(row.instrument)})" if _said(row.instrument) else "")
    what = ", ".join(filter(None, (escape(row.section) if _said(row.song) else "", who)))
    cells = (
        f'<label class="pick"><input type="checkbox" data-row="{number}"'
        f"{' checked' if is_ticked else ''}><span><b>{_said(row.song) or escape(row.section)}</b>"
        f"<small>{what}</small></span></label>{here}",
        _said(row.raga),
        _said(row.tala),
        _said(row.composer),
        f'<a href="{address}" target="_blank" rel="noopener noreferrer">{_length(row)}</a>',
        "" if math.isnan(row.views) else f"{int(row.views):,}",
    )
    return (
        "<tr>"
        + "".join(
            f'<td data-head="{head}">{cell}</td>' for head, cell in zip(HEADS, cells, strict=True)
        )
        + "</tr>"
    )


def _length(row) -> str:
    length = "?" if math.isnan(row.duration_s) else _clock(row.duration_s)
    return length if math.isnan(row.start_s) else f"{length} from {_clock(row.start_s)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _said(value: object) -> str:
    return escape(value) if isinstance(value, str) else ""


def summary(hunt: Hunt) -> str:
    """What was found, what was left out and why."""
    if hunt.found is None:
        return ""
    found = hunt.found
    n_rows, n_videos = len(found.rows), found.rows["video_id"].nunique()
    said = [f"**{n_rows:,} rows** of {n_videos:,} videos."]
    if found.dropped:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in found.dropped.most_common())
        said.append(f"Left out: {reasons}.")
    return " ".join([*said, *(escape(note) for note in found.notes)])
