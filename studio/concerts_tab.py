"""Stages 1 and 2 in the page: the concerts there are, and how another one comes in."""

import tempfile
from collections import defaultdict
from dataclasses import dataclass
from html import escape
from pathlib import Path

import gradio as gr

from core.decoder import AUDIO_SUFFIXES
from core.edits import clock
from core.errors import DownloadError
from core.fields import tonic_name
from core.labels import Labels
from core.library import Library
from core.progress import Progress, progress
from core.records import Recording
from core.workspace import Workspace
from studio.access import on_space
from studio.alerts import alerting, bound
from studio.downloads import Downloads
from studio.dropped import NOTES, folder_chooser, gathered
from studio.finder import Finder
from studio.finder_panel import build_finder, build_links, fetch_links, offered, refreshed_downloads
from studio.samples import SampleConcerts
from studio.tables import OPENS, open_button, table_html

RIGHTS = [
    ("For study here only, not handed on", "restricted"),
    ("My own recording", "own"),
    ("Public domain", "public-domain"),
    ("Creative Commons BY 4.0", "cc-by-4.0"),
    ("Creative Commons BY-SA 4.0", "cc-by-sa-4.0"),
    ("Creative Commons BY-NC 4.0", "cc-by-nc-4.0"),
    ("Creative Commons BY-NC-SA 4.0", "cc-by-nc-sa-4.0"),
]
SOUND_FILES = ["audio", *sorted(AUDIO_SUFFIXES), ".csv", *NOTES]
POLL_S = 2.0
SAID = 20  # recordings that an import names

HEADS = ("Concert", "Length", "Tonic", "Rights", "Marked", "")

# Tells Python which step was pressed: 'go' to its tab.
_GOES = """
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-go]');
  if (pressed) trigger('go', {tab: pressed.dataset.go});
});
"""

STEPS = (
    ("concerts", "Bring in a concert", "Drop files or a folder, or begin with a sample."),
    ("segment", "Mark its sections", "Alapanai, kriti, tani … by dragging over the waveform."),
    ("captions", "Say what they are", "One sentence for each, from a template; export."),
    ("train", "Train", "Fine-tune a model on them with one press."),
    ("play", "Play", "Choose a raga and a tala, and listen."),
)


@dataclass(frozen=True)
class ConcertsTab:
    """What the rest of the page may use: `tables` tell of 'open', `steps` of 'go'."""

    tables: tuple[gr.HTML, ...]
    steps: gr.HTML


def steps_html() -> str:
    """The five steps as cards that lead to their tabs."""
    cards = [
        f'<li><button type="button" data-go="{tab}"><b>{title}</b><span>{what}</span></button></li>'
        for tab, title, what in STEPS
    ]
    return f'<ol class="steps">{"".join(cards)}</ol>'


def concerts_html(library: Library, samples: SampleConcerts | None = None) -> str:
    """Every recording with what is known of it and how far it is marked."""
    recordings = library.recordings()
    by_recording = defaultdict(list)
    for segment in library.segments():
        by_recording[segment.recording_id].append(segment)
    rows = [_cells(each, progress(each, by_recording[each.id])) for each in recordings]
    return _waiting(samples) + (table_html(HEADS, rows) if rows else _none(samples))


@alerting
def refreshed(library: Library, samples: SampleConcerts | None) -> tuple[str, gr.Timer]:
    """The table as it is now; the timer runs while sample concerts are still coming."""
    coming = samples is not None and samples.is_rendering
    return concerts_html(library, samples), gr.Timer(POLL_S, active=coming)


@alerting
def bring_in(
    workspace: Workspace,
    library: Library,
    files: list[str] | None,
    folder: str,
    rights: str,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> tuple[None, str, str]:
    """Import the dropped files, with a table of labels if one is among them, or a folder of this
    machine; what was brought in is said, and the table shows it.
    """
    from core.download import Importer, summary

    if folder.strip() and on_space():
        raise DownloadError("A folder is read only where the studio runs on your own machine.")
    given = [Path(each) for each in files or ()] + [Path(each) for each in [folder.strip()] if each]
    tables = [path for path in given if path.suffix.lower() == ".csv"]
    paths = [path for path in given if path not in tables]
    if not any(path.suffix.lower() not in NOTES for path in paths):
        raise DownloadError("No sound yet. Drop audio files into the box, then press Import.")
    if len(tables) > 1:
        raise DownloadError("There are two tables of labels. Drop one CSV beside the sound.")
    labels = Labels.read(tables[0]) if tables else Labels()

    def show(share: float, what: str) -> None:
        progress(share, desc=what)

    with tempfile.TemporaryDirectory(dir=workspace.root, prefix=".part-") as place:
        together = gathered(paths, Path(place))
        found = Importer(workspace, library, labels).run(together, rights, show)
    if not found:
        raise DownloadError(summary(found.failed))
    lines = [f"- **{_plain(each.title)}**, {clock(each.duration_s)}" for each in found[:SAID]]
    more = len(found) - SAID
    lines += [f"- and {more} more"] if more > 0 else []
    lines += [f"- {_plain(Path(each.what).name)}: {_plain(each.reason)}" for each in found.failed]
    return None, "\n".join(["Brought in:", *lines]), concerts_html(library)


def build_concerts_tab(
    page: gr.Blocks,
    workspace: Workspace,
    library: Library,
    samples: SampleConcerts | None = None,
    downloads: Downloads | None = None,
) -> ConcertsTab:
    """Add the tab to the open `page`."""
    downloads = downloads or Downloads(workspace, library)
    with gr.Tab("Concerts", id="concerts") as tab:
        steps = gr.HTML(steps_html(), js_on_load=_GOES, apply_default_css=False)
        table = gr.HTML(
            concerts_html(library, samples),
            js_on_load=OPENS,
            apply_default_css=False,
            elem_id="concerts",
        )
        with gr.Column(elem_classes="card"):
            links, fetch = _bring_in_card(workspace, library, table)
        with gr.Column(elem_classes="card"):
            finder = Finder(workspace)
            found = build_finder(finder, library, downloads)
        refresh = gr.Timer(POLL_S, active=False)

    private = {"api_visibility": "private"}
    quiet = {**private, "show_progress": "hidden", "queue": False}
    status = [found.downloads, found.timer]
    fetch.click(bound(fetch_links, downloads), links, [links, *status], **private)
    again = bound(refreshed, library, samples)
    gr.on([refresh.tick, tab.select, page.load], again, None, [table, refresh], **quiet)
    page.load(bound(offered, finder), None, found.dropdowns, **quiet)
    moved = bound(refreshed_downloads, downloads)
    gr.on([found.timer.tick, tab.select, page.load], moved, None, status, **quiet).then(
        again, None, [table, refresh], **quiet
    )
    return ConcertsTab((table, found.downloads), steps)


def _bring_in_card(
    workspace: Workspace, library: Library, table: gr.HTML
) -> tuple[gr.Textbox, gr.Button]:
    gr.Markdown("### Bring in a concert")
    with gr.Row(equal_height=False, elem_classes="bring"):
        with gr.Column(min_width=290):
            files = gr.File(
                label="Audio files of any format, or a folder of them",
                file_count="multiple",
                file_types=SOUND_FILES,
                height=190,
                elem_id="import-files",
            )
            folder_chooser(SOUND_FILES)
        with gr.Column(min_width=290):
            folder = gr.Textbox(
                label="Or a folder of this machine, with all that lies in it",
                info="A CSV among files, and Saraga's own files in a folder, say what is heard.",
                visible=not on_space(),
                elem_id="import-folder",
            )
            rights = gr.Dropdown(RIGHTS, value="restricted", label="Rights")
            start = gr.Button("Import", variant="primary", elem_id="import-start")
        with gr.Column(min_width=290):
            links, fetch = build_links()
    said = gr.Markdown(elem_id="import-said")
    start.click(
        bound(bring_in, workspace, library),
        [files, folder, rights],
        [files, said, table],
        api_visibility="private",
    )
    return links, fetch


def _cells(recording: Recording, done: Progress) -> tuple[str, ...]:
    tonic = ""
    if recording.tonic_hz:
        tonic = f"{tonic_name(recording.tonic_hz)} <small>{recording.tonic_hz:.1f} Hz</small>"
    marked, approved = round(100 * done.marked), round(100 * done.approved)
    bar = (
        f'<div class="share" title="{done.n_segments} regions"><i style="width:{marked}%"></i>'
        f'<i class="approved" style="width:{approved}%"></i></div>'
        f"<small>{marked} % marked, {approved} % approved</small>"
    )
    return (
        f"<b>{escape(recording.title)}</b><small>{escape(_who(recording))}</small>",
        clock(recording.duration_s).rpartition(".")[0],
        tonic,
        f'<span class="badge">{escape(recording.rights)}</span>',
        bar,
        open_button(recording.id, recording.title),
    )


def _who(recording: Recording) -> str:
    names = [
        f"{artist.name} ({artist.instrument})" if artist.instrument else artist.name
        for artist in recording.artists
    ]
    return ", ".join(names) or recording.lead_artist or ""


def _waiting(samples: SampleConcerts | None) -> str:
    if samples is None:
        return ""
    if samples.is_rendering:
        return (
            '<p class="notice" role="status">The sample concerts are being rendered; each takes '
            "about a minute and appears here by itself.</p>"
        )
    if samples.failure:
        return (
            f'<p class="notice bad" role="alert">The sample concerts could not be rendered: '
            f"{escape(samples.failure)}</p>"
        )
    return ""


def _none(samples: SampleConcerts | None) -> str:
    if samples is not None and samples.is_rendering:
        return ""
    return '<p class="notice">No concert yet. Drop an audio file into the box and import it.</p>'


def _plain(text: str) -> str:
    """`text` with the signs of Markdown and HTML disarmed."""
    return escape("".join(f"\\{sign}" if sign in r"\`*_{}[]()#+-.!|$" else sign for sign in text))
