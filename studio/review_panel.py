"""Below the editor: who approves what, what is sent back, and how far two annotators agree."""

from html import escape

import gradio as gr

from core.agreement import WINDOW_S, Agreement, agreement, annotators, heard, pair
from core.edits import clock
from core.errors import StudioError
from core.library import Library
from core.records import Recording
from core.review import Reviewed, approve, reviews, send_back
from studio.access import annotator
from studio.alerts import alerting, bound
from studio.editor.views import newest
from studio.tables import LISTENS, listen_button, table_html

STAGES = ("waiting", "sent back", "approved")
LOOK_S = 4.0  # until others' edits are looked for again, while the panel is open
_MOST = 200  # rows that are shown at once
_HEADS = ("When", "What", "By", "Review", "Verdict")
_SIGNS = {"waiting": "◌", "sent back": "↩", "approved": "✓"}
_QUIET = {"api_visibility": "private", "show_progress": "hidden", "queue": False}

# Tells Python of a verdict, signed with the name that the editor keeps in this browser.
# A note that is being typed stays when the table is drawn anew because someone else did something.
_VERDICTS = """
const notes = new Map();
const send = (button) => {
  const input = button.closest('tr')?.querySelector('input');
  if (input) notes.delete(input.dataset.id);
  trigger('apply', {
    verdict: button.dataset.verdict,
    ids: (button.dataset.ids ?? '').split(' ').filter(Boolean),
    note: input?.value ?? '',
    nickname: localStorage.getItem('studio.annotator') ?? '',
  });
};
let typing = null;
element.addEventListener('input', ({target}) => notes.set(target.dataset.id, target.value));
element.addEventListener('focusin', ({target}) => { typing = target.dataset.id ?? null; });
new MutationObserver(() => {
  for (const input of element.querySelectorAll('input[data-id]')) {
    input.value = notes.get(input.dataset.id) ?? '';
    if (input.dataset.id === typing && document.activeElement === document.body) input.focus();
  }
}).observe(element, {childList: true, subtree: true});
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-verdict]');
  if (pressed) send(pressed);
});
element.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.target.tagName !== 'INPUT') return;
  send(event.target.closest('tr').querySelector('[data-verdict="send back"]'));
});
"""

Seen = tuple[str | None, int, str]  # recording, its newest revision, stage: what the table shows


def reviews_html(found: list[Reviewed], stage: str) -> str:
    """The segments of one stage, each with what a reviewer may do."""
    counts = {each: sum(one.stage == each for one in found) for each in STAGES}
    told = " · ".join(f"{_SIGNS[each]} {counts[each]} {each}" for each in STAGES)
    rows = [each for each in found if each.stage == stage]
    head = f'<p class="known">{told}</p>'
    if not rows:
        return f'{head}<p class="notice">Nothing is {stage} here.</p>'
    shown = [_cells(each) for each in rows[:_MOST]]
    more = len(rows) - _MOST
    return (
        head
        + table_html(_HEADS, shown)
        + (f"<p>and {more} more.</p>" if more > 0 else "")
        + (_approve_all(rows) if stage != "approved" else "")
    )


def agreement_html(recording: Recording, found: Agreement, lanes: tuple) -> str:
    """The measures, both annotations above one another, and where they differ."""
    measures = (
        (f"{100 * found.same_share:.0f} %", f"of {clock(found.compared_s)} the same"),
        (f"{found.boundary_f:.2f}", f"boundaries within {WINDOW_S:g} s (F)"),
        (f"{found.pairwise_f:.2f}", "frames together (pairwise F)"),
        (f"{found.kappa:.2f}", "Cohen's kappa per second"),
    )
    cards = "".join(f"<li><b>{value}</b><span>{what}</span></li>" for value, what in measures)
    strips = "".join(
        _strip(name, [(each.start_s, each.end_s, each.label) for each in lane], recording)
        for name, lane in zip((found.one, found.other), lanes, strict=True)
    )
    differ = [(each.start_s, each.end_s, "differ") for each in found.differences]
    rows = [
        (
            listen_button(each.start_s, each.end_s),
            f"{each.end_s - each.start_s:.1f} s",
            escape(each.one),
            escape(each.other),
        )
        for each in found.differences[:_MOST]
    ]
    heads = ("Where they differ", "For", found.one, found.other)
    return (
        f'<ul class="measures">{cards}</ul>'
        f'<div class="strips">{strips}{_strip("differ", differ, recording)}</div>'
        + (table_html(heads, rows) if rows else "<p>They agree everywhere.</p>")
    )


def compared(library: Library, recording_id: str | None, one: str | None, other: str | None) -> str:
    """How far two annotators of the recording agree, or why that cannot be said."""
    if not recording_id:
        return ""
    recording, segments = library.recording(recording_id), library.segments(recording_id)
    try:
        one, other = pair(segments, one or None, other or None)
        found = agreement(segments, one, other)
    except StudioError as error:
        return f'<p class="notice">{escape(str(error))}</p>'
    return agreement_html(recording, found, (heard(segments, one), heard(segments, other)))


def looked(
    library: Library,
    recording_id: str | None,
    stage: str,
    one: str | None,
    other: str | None,
    seen: Seen,
) -> tuple:
    """The panel as it should now be; left alone if nothing changed, so that a note is not lost."""
    if not recording_id:
        return "", gr.skip(), gr.skip(), "", (None, 0, stage)
    since = seen[1] if seen[0] == recording_id else 0
    number = max(since, newest(library.changes_since(recording_id, since)))
    now = (recording_id, number, stage)
    if now == tuple(seen):
        return (gr.skip(),) * 5
    people = annotators(library.segments(recording_id))
    kept = [name if name in people else None for name in (one, other)]
    rest = [name for name in people if name not in kept]
    first, second = (name or (rest.pop(0) if rest else None) for name in kept)
    return (
        reviews_html(reviews(library, recording_id), stage),
        gr.Dropdown(choices=people, value=first),
        gr.Dropdown(choices=people, value=second),
        compared(library, recording_id, first, second),
        now,
    )


@alerting
def judged(library: Library, profile: gr.OAuthProfile | None, event: gr.EventData) -> None:
    """Approve what was pressed, or send it back with the note beside it."""
    reviewer = annotator(profile, event.nickname)
    ids = [str(each) for each in event.ids]
    if event.verdict == "approve":
        approve(library, ids, reviewer)
    else:
        send_back(library, ids[0], str(event.note), reviewer)


def build_review_panel(library: Library, recording: gr.Dropdown) -> None:
    """Add the panel to the open tab; `recording` names what is open."""
    with gr.Accordion("Review and agreement", open=False, elem_id="review") as panel:
        choices = [(f"{_SIGNS[each]} {each}", each) for each in STAGES]
        stage = gr.Radio(choices, value="waiting", show_label=False, container=False)
        table = gr.HTML(
            js_on_load=_VERDICTS + LISTENS, apply_default_css=False, elem_id="review-table"
        )
        gr.Markdown("#### Two annotators of this recording")
        with gr.Row():
            one = gr.Dropdown([], label="One", min_width=140)
            other = gr.Dropdown([], label="The other", min_width=140)
        both = gr.HTML(js_on_load=LISTENS, apply_default_css=False, elem_id="agreement")
        seen = gr.State((None, 0, "waiting"))
        watch = gr.Timer(LOOK_S, active=False)

    look = bound(looked, library)
    asked, shown = [recording, stage, one, other, seen], [table, one, other, both, seen]
    gr.on([panel.expand, recording.change, stage.input, watch.tick], look, asked, shown, **_QUIET)
    table.apply(bound(judged, library), None, None, **_QUIET).success(look, asked, shown, **_QUIET)
    gr.on(
        [one.input, other.input], bound(compared, library), [recording, one, other], both, **_QUIET
    )
    panel.expand(lambda: gr.Timer(active=True), None, watch, **_QUIET)
    panel.collapse(lambda: gr.Timer(active=False), None, watch, **_QUIET)


def _cells(found: Reviewed) -> tuple[str, ...]:
    segment = found.segment
    said = " · ".join(filter(None, (segment.raga, segment.tala, segment.composition)))
    by = f" by {found.reviewer}" if found.reviewer else ""
    note = f"<small>{escape(segment.note)}</small>" if segment.note else ""
    span = f"{clock(segment.start_s)} – {clock(segment.end_s)}"
    return (
        listen_button(segment.start_s, segment.end_s),
        f"<b>{escape(segment.section)}</b><small>{escape(said)}</small>",
        escape(segment.annotator or "no name"),
        f"{_SIGNS[found.stage]} {found.stage}{escape(by)}{note}",
        _verdict(found, span),
    )


def _verdict(found: Reviewed, span: str) -> str:
    what = f"{found.segment.section}, {span}"
    ids = f'data-ids="{escape(found.segment.id, quote=True)}"'
    hidden = f'<span class="unseen"> {escape(what)}</span>'
    approving = f'<button type="button" data-verdict="approve" {ids}>Approve{hidden}</button>'
    return (
        '<span class="verdicts">'
        + (approving if found.stage != "approved" else "")
        + f'<input type="text" data-id="{escape(found.segment.id, quote=True)}" '
        f'aria-label="Note on {escape(what, quote=True)}" placeholder="Note">'
        f'<button type="button" data-verdict="send back" {ids}>Send back{hidden}</button></span>'
    )


def _approve_all(rows: list[Reviewed]) -> str:
    """A button for each annotator: two words on one stretch are never both right."""
    groups: dict[str, list[str]] = {}
    for each in rows:
        groups.setdefault(each.segment.annotator or "no name", []).append(each.segment.id)
    buttons = "".join(
        f'<button type="button" class="all" data-verdict="approve" '
        f'data-ids="{escape(" ".join(ids), quote=True)}">Approve all {len(ids)} by '
        f"{escape(name)}</button> "
        for name, ids in groups.items()
        if len(ids) > 1
    )
    return f"<p>{buttons}</p>" if buttons else ""


def _strip(name: str, spans: list[tuple[float, float, str]], recording: Recording) -> str:
    whole = recording.duration_s
    marks = "".join(
        f'<i class="s-{escape(label.replace(" ", "-"))}" title="{escape(label)}, {clock(start)} – '
        f'{clock(end)}" style="left:{100 * start / whole:.3f}%;'
        f'width:{100 * (end - start) / whole:.3f}%"></i>'
        for start, end, label in spans
    )
    return f'<span>{escape(name)}</span><div class="strip-of">{marks}</div>'
