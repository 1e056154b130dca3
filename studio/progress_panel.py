"""Below the editor: how far each recording is, by whom, and the hours there are of what."""

from collections.abc import Iterable, Mapping
from html import escape

import gradio as gr

from core.edits import clock
from core.library import Library
from core.progress import Hours, Work, hours, work
from studio.alerts import alerting, bound
from studio.tables import table_html

KINDS = ("section", "raga", "tala")
_HEADS = ("Concert", "Marked", "Marked by", "Approved by", "To review")
_MOST_BARS = 40
_QUIET = {"api_visibility": "private", "show_progress": "hidden"}


@alerting
def told(library: Library, kind: str) -> tuple[str, str]:
    """Every recording's progress, and the hours of each section, raga or tala."""
    rows = [_cells(work(library, each)) for each in library.recordings()]
    table = table_html(_HEADS, rows) if rows else '<p class="notice">No concert yet.</p>'
    return table, hours_html(hours(library, kind), kind)


def hours_html(found: list[Hours], kind: str) -> str:
    """Bars of hours: all that is marked, and within it what is approved."""
    if not found:
        return f'<p class="notice">No {kind} is marked yet.</p>'
    longest = max(each.marked for each in found)
    bars = "".join(_bar(each, longest) for each in found[:_MOST_BARS])
    more = len(found) - _MOST_BARS
    return (
        f'<figure class="hours"><figcaption>Hours by {kind}: <i class="marked"></i> marked, '
        f'<i class="approved"></i> approved</figcaption><dl>{bars}</dl>'
        + (f"<p>and {more} more.</p>" if more > 0 else "")
        + "</figure>"
    )


def build_progress_panel(library: Library) -> None:
    """Add the panel to the open tab."""
    with gr.Accordion("Progress", open=False, elem_id="progress") as panel:
        table = gr.HTML(apply_default_css=False, elem_id="progress-table")
        kind = gr.Radio(KINDS, value="section", show_label=False, container=False)
        plot = gr.HTML(apply_default_css=False, elem_id="progress-hours")

    panel.expand(bound(told, library), kind, [table, plot], **_QUIET)
    kind.input(lambda chosen: hours_html(hours(library, chosen), chosen), kind, plot, **_QUIET)


def _cells(found: Work) -> tuple[str, ...]:
    marked, approved = (round(100 * each) for each in (found.done.marked, found.done.approved))
    bar = (
        f'<div class="share"><i style="width:{marked}%"></i>'
        f'<i class="approved" style="width:{approved}%"></i></div>'
        f"<small>{marked} % marked, {approved} % approved</small>"
    )
    waits = [f"{found.waiting} waiting"] if found.waiting else []
    waits += [f"{found.sent_back} sent back"] if found.sent_back else []
    return (
        f"<b>{escape(found.recording.title)}</b>",
        bar,
        _people(found.marked_by),
        _people(found.approved_by),
        " · ".join(waits) or "–",
    )


def _people(lengths: Mapping[str | None, float]) -> str:
    most: Iterable[str | None] = sorted(lengths, key=lambda name: -lengths[name])
    listed = [f"{escape(name or 'no name')} {_clock(lengths[name])}" for name in most]
    return "<br>".join(listed) or "–"


def _bar(found: Hours, longest: float) -> str:
    return (
        f"<dt>{escape(found.name)}</dt><dd>"
        f'<span style="width:{100 * found.marked / longest:.2f}%">'
        f'<i style="width:{100 * found.approved / found.marked:.2f}%"></i></span>'
        f"<b>{_clock(3600 * found.marked)}</b></dd>"
    )


def _clock(seconds: float) -> str:
    return clock(seconds).rpartition(".")[0]
