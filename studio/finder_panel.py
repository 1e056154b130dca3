"""Stages 1 and 2 in the page: search the catalogue, tick rows, fetch them, and watch them come."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import gradio as gr

from core.catalog_search import FACETS, Wanted
from core.errors import DownloadError, StudioError
from core.library import Library
from core.youtube import Order, video_id
from studio.access import VISITOR_MAY_NOT, on_space, permit
from studio.alerts import alerting, bound
from studio.downloads import INSTEAD, PRESSES, Downloads, downloads_html
from studio.finder import TICKS, Finder, Hunt, rows_html, summary

POLL_S = 1.0
_LABELS = {
    "artist": "Artist",
    "raga": "Raga",
    "tala": "Tala",
    "composer": "Composer",
    "instrument": "Instrument",
    "section": "Section",
}
_PRIVATE = {"api_visibility": "private"}
_QUIET = {**_PRIVATE, "show_progress": "hidden", "queue": False}


@dataclass(frozen=True)
class Parts:
    """The components that handlers fill."""

    hunt: gr.State
    dropdowns: list[gr.Dropdown]
    table: gr.HTML
    said: gr.Markdown
    page: gr.Markdown
    download: gr.Button
    downloads: gr.HTML
    timer: gr.Timer

    @property
    def results(self) -> list:
        """What shows a search's result."""
        return [self.hunt, self.table, self.said, self.page, self.download]


def search(
    finder: Finder,
    library: Library,
    artist: str | None,
    raga: str | None,
    tala: str | None,
    composer: str | None,
    instrument: str | None,
    section: str | None,
    min_minutes: float | None,
    known_raga: bool,
    profile: gr.OAuthProfile | None,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> list:
    """Search; the dropdowns then count what each value would leave."""
    given = (artist, raga, tala, composer, instrument, section)
    texts = [(text or "").strip() or None for text in given]
    wanted = Wanted(
        **dict(zip(_LABELS, texts, strict=True)),
        min_minutes=min_minutes or 0.0,
        known_raga=bool(known_raga),
    )
    hunt = Hunt()
    try:
        permit("catalog", profile)
        if any(getattr(wanted, name) for name in FACETS if name != "tala"):
            hunt.found = finder.search(wanted, lambda share, words: progress(share, desc=words))
    except StudioError as error:  # said where the rows would be, since choosing is half-way typing
        return [*_shown(hunt, library, str(error)), *[gr.skip()] * len(_LABELS)]
    return [*_shown(hunt, library), *_dropdowns(finder, hunt, wanted)]


@alerting
def tick(hunt: Hunt | None, event: gr.EventData) -> tuple[Hunt, gr.Button]:
    """Remember which rows are ticked."""
    hunt = hunt or Hunt()
    hunt.tick(list(event.rows), list(event.on))
    return hunt, _button(hunt)


def turn(library: Library, hunt: Hunt | None, by: int) -> list:
    """Show the next or the previous page of rows."""
    hunt = hunt or Hunt()
    hunt.turn(by)
    return _shown(hunt, library)


@alerting
def fetch(
    finder: Finder,
    library: Library,
    downloads: Downloads,
    hunt: Hunt | None,
    profile: gr.OAuthProfile | None,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> list:
    """Begin to fetch the videos of the ticked rows."""
    permit("youtube", profile)
    hunt = hunt or Hunt()
    orders = finder.orders(hunt, lambda share, words: progress(share, desc=words))
    downloads.start(orders)
    hunt.ticked = set()
    return [*_shown(hunt, library), *_status(downloads)]


@alerting
def fetch_links(
    downloads: Downloads, text: str, profile: gr.OAuthProfile | None
) -> tuple[str, str, gr.Timer]:
    """Begin to fetch the videos that links lead to, one a line."""
    permit("youtube", profile)
    links = (text or "").split()
    if not links:
        raise DownloadError("No link yet. Paste links to YouTube videos, one a line.")
    downloads.start([Order(video_id(link)) for link in links])
    return "", *_status(downloads)


@alerting
def press(
    downloads: Downloads, event: gr.EventData, profile: gr.OAuthProfile | None
) -> tuple[str, gr.Timer]:
    """Do what a button beside the downloads says."""
    permit("youtube", profile)
    acts: dict[str, Callable] = {
        "cancel": downloads.cancel,
        "resume": downloads.resume,
        "retry": downloads.retry,
        "drop": lambda: downloads.batch.forget("waiting"),
        "clear": lambda: downloads.batch.forget("done", "failed"),
    }
    if event.what in acts:
        acts[event.what]()
    elif str(event.what).startswith(INSTEAD):
        downloads.instead(event.what.removeprefix(INSTEAD))
    return _status(downloads)


@alerting
def change_source(
    finder: Finder, library: Library, source: str, profile: gr.OAuthProfile | None
) -> list:
    """Search another copy of the catalogue from now on."""
    permit("catalog", profile)
    finder.change_source(source or "")
    hunt = Hunt()
    gr.Info(f"{finder.source} is searched from now on.")
    return [finder.source, *_shown(hunt, library), *_dropdowns(finder, hunt, Wanted())]


def build_links() -> tuple[gr.Textbox, gr.Button]:
    """The box for links, in the card where concerts come in."""
    links = gr.Textbox(
        label="Or links to YouTube videos, one a line",
        placeholder="https://youtu.be/…",
        lines=4,
        max_lines=6,
        elem_id="links",
    )
    return links, gr.Button("Fetch", elem_id="links-fetch")


def build_finder(finder: Finder, library: Library, downloads: Downloads) -> Parts:
    """Add the search to the open tab."""
    gr.Markdown("### Find concerts in the catalogue")
    if on_space():
        gr.HTML(f'<p class="notice">{VISITOR_MAY_NOT["catalog"]}</p>', apply_default_css=False)
    hunt = gr.State(None)
    dropdowns, minutes, known, start, clear = _form(finder)
    said = gr.Markdown(elem_id="found-said", elem_classes="hint")
    table = gr.HTML(
        rows_html(Hunt(), frozenset()),
        js_on_load=TICKS,
        apply_default_css=False,
        elem_id="found",
    )
    with gr.Row(elem_classes="turns"):
        back = gr.Button("Previous", size="sm", min_width=90, scale=0)
        page = gr.Markdown(elem_id="found-page")
        on = gr.Button("Next", size="sm", min_width=90, scale=0, elem_id="found-next")
        download = gr.Button(
            "Download", variant="primary", min_width=180, scale=0, elem_id="found-download",
            interactive=False,
        )  # fmt: skip
    shown = gr.HTML(
        downloads_html(downloads), js_on_load=PRESSES, apply_default_css=False, elem_id="downloads"
    )
    timer = gr.Timer(POLL_S, active=downloads.is_running)
    parts = Parts(hunt, dropdowns, table, said, page, download, shown, timer)
    _wire(parts, (finder, library, downloads), (start, clear, minutes, known))
    back.click(lambda h: turn(library, h, -1), [hunt], parts.results, **_QUIET)
    on.click(lambda h: turn(library, h, 1), [hunt], parts.results, **_QUIET)
    _source(parts, finder, library)
    return parts


def offered(finder: Finder) -> list[gr.Dropdown]:
    """What each dropdown offers as the page opens."""
    return _dropdowns(finder, Hunt(), Wanted())


def refreshed_downloads(downloads: Downloads) -> tuple[str, gr.Timer]:
    """The downloads as they now stand; the timer runs while one does."""
    return _status(downloads)


def _form(finder: Finder) -> tuple:
    choices = finder.choices(Hunt())
    dropdowns = []
    with gr.Row(elem_classes="facets"):
        for name, label in _LABELS.items():
            dropdowns.append(
                gr.Dropdown(
                    choices[name],
                    value=None,
                    label=label,
                    allow_custom_value=True,
                    min_width=300,
                    elem_id=f"find-{name}",
                )
            )
    with gr.Row(elem_classes="facets"):
        minutes = gr.Number(
            0, label="At least minutes", minimum=0, maximum=600, min_width=120, elem_id="find-min"
        )
        known = gr.Checkbox(label="Only rows whose raga is known", min_width=180)
        start = gr.Button("Search", variant="primary", min_width=130, scale=0, elem_id="find-start")
        clear = gr.Button("Clear", min_width=90, scale=0)
    return dropdowns, minutes, known, start, clear


def _wire(parts: Parts, made: tuple, form: tuple) -> None:
    finder, library, downloads = made
    start, clear, minutes, known = form
    asked = [*parts.dropdowns, minutes, known]
    outputs = [*parts.results, *parts.dropdowns]
    gr.on(
        [start.click, minutes.submit, known.input, *(each.input for each in parts.dropdowns)],
        bound(search, finder, library),
        asked,
        outputs,
        trigger_mode="always_last",
        show_progress_on=[parts.table],
        **_PRIVATE,
    )
    clear.click(lambda: [None] * 6 + [0, False], None, asked, **_QUIET).then(
        lambda: [*_shown(Hunt(), library), *_dropdowns(finder, Hunt(), Wanted())],
        None,
        outputs,
        **_QUIET,
    )
    parts.table.tick(
        tick, [parts.hunt], [parts.hunt, parts.download], trigger_mode="always_last", **_QUIET
    )
    parts.download.click(
        bound(fetch, finder, library, downloads),
        [parts.hunt],
        [*parts.results, parts.downloads, parts.timer],
        show_progress_on=[parts.download],
        **_PRIVATE,
    )
    status = [parts.downloads, parts.timer]
    parts.downloads.press(bound(press, downloads), None, status, **_QUIET)


def _source(parts: Parts, finder: Finder, library: Library) -> None:
    with gr.Accordion("Where the catalogue comes from", open=False, elem_id="find-where"):
        source = gr.Textbox(
            finder.source,
            label="Folder or address",
            info="The public site, its mirror, or a folder with a copy: id.json and the folders "
            "artist, raga, composer, type and song.",
            elem_id="find-source",
        )
        use = gr.Button("Use it", min_width=110, scale=0, elem_id="find-source-use")
    gr.on(
        [use.click, source.submit],
        bound(change_source, finder, library),
        [source],
        [source, *parts.results, *parts.dropdowns],
        **_PRIVATE,
    )


def _shown(hunt: Hunt, library: Library, trouble: str = "") -> list:
    here = frozenset(
        each.id.removeprefix("yt-") for each in library.recordings() if each.id.startswith("yt-")
    )
    page = f"Page {hunt.page + 1} of {hunt.n_pages}" if hunt.found else ""
    bad = f'<p class="notice bad" role="alert">{escape(trouble)}</p>' if trouble else ""
    return [hunt, bad or rows_html(hunt, here), summary(hunt), page, _button(hunt)]


def _button(hunt: Hunt) -> gr.Button:
    if not hunt.ticked:
        return gr.Button("Download", interactive=False)
    n_videos = hunt.chosen["video_id"].nunique()
    rows = f"{len(hunt.ticked)} row{'s' * (len(hunt.ticked) > 1)}"
    return gr.Button(f"Download {rows} ({n_videos} video{'s' * (n_videos > 1)})", interactive=True)


def _dropdowns(finder: Finder, hunt: Hunt, wanted: Wanted) -> list[gr.Dropdown]:
    chosen = hunt.found.wanted if hunt.found else wanted
    offered = finder.choices(hunt)
    return [gr.Dropdown(offered[name], value=getattr(chosen, name)) for name in _LABELS]


def _status(downloads: Downloads) -> tuple[str, gr.Timer]:
    return downloads_html(downloads), gr.Timer(POLL_S, active=downloads.is_running)
