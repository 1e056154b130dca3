"""Stage 3 in the page: see, hear and mark one recording."""

import itertools
from dataclasses import dataclass

import gradio as gr

from core.library import Library
from core.workspace import Workspace
from studio.alerts import alerting, bound
from studio.editor.component import RegionEditor
from studio.exchange_panel import build_exchange_panel
from studio.progress_panel import build_progress_panel
from studio.review_panel import build_review_panel
from studio.suggest_panel import build_suggest_panel

_openings = itertools.count(1)


@dataclass(frozen=True)
class SegmentTab:
    """What the rest of the page may use: set `recording` and the editor opens it."""

    recording: gr.Dropdown
    editor: RegionEditor


def choices(library: Library) -> list[tuple[str, str]]:
    """Every recording by title, with its id."""
    return [(recording.title, recording.id) for recording in library.recordings()]


def to_open(chosen: str | None, at: str | None = None) -> dict:
    """The editor's value for a recording, at a segment; new each time, so that it opens again."""
    return {"recording_id": chosen, "segment_id": at, "n": next(_openings)}


@alerting
def offer(
    library: Library, chosen: str | None, shown: dict | None, at: str | None = None
) -> tuple[gr.Dropdown, dict]:
    """The recordings there are now; what is chosen stays, else the first is, and it is opened."""
    found = choices(library)
    ids = [recording_id for _, recording_id in found]
    kept = chosen if chosen in ids else next(iter(ids), None)
    is_open = shown is not None and shown["recording_id"] == kept and at is None
    return gr.Dropdown(choices=found, value=kept), gr.skip() if is_open else to_open(kept, at)


def build_segment_tab(page: gr.Blocks, workspace: Workspace, library: Library) -> SegmentTab:
    """Add the tab to the open `page`."""
    with gr.Tab("Segment", id="segment") as tab:
        recording = gr.Dropdown(
            choices=choices(library),
            value=None,
            label="Recording",
            container=False,
            elem_id="segment-recording",
        )
        build_suggest_panel(page, workspace, library, recording)
        editor = RegionEditor(library, elem_id="region-editor")
        build_exchange_panel(library, recording)
        build_review_panel(library, recording)
        build_progress_panel(library)

    quiet = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    recording.input(to_open, recording, editor, **quiet)
    tab.select(bound(offer, library), [recording, editor], [recording, editor], **quiet)
    return SegmentTab(recording, editor)
