"""Below the editor: labels of other tools in, and segments out to them.

A file is looked at as soon as it is dropped: its format, its regions, what must be asked and what
is wrong, before anything is saved.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import gradio as gr

from core.agreement import annotators
from core.edits import clock
from core.errors import StudioError
from core.exchange import exporting, importing, label_studio, reading
from core.exchange.formats import FORMATS
from core.exchange.selection import has_points
from core.library import Library
from core.records import SECTIONS, Segment
from studio.access import annotator
from studio.alerts import alerting, bound
from studio.editor.routes import PREFIX
from studio.label_files import address, chosen
from studio.tables import NICKNAME, faults_html, table_html

_ROWS = 12  # regions of a file that are shown before it is imported
_MOST_ASKED = 100
_UNANSWERED = "?"
_HEADS = ("From", "To", "Section", "Raga", "Tala", "Says more")
_QUIET = {"api_visibility": "private", "show_progress": "hidden"}

_INTERFACE = (
    '<details class="known"><summary>The labelling interface that the Label Studio project needs'
    f"</summary><pre>{escape(label_studio.INTERFACE)}</pre></details>"
)

# Tells Python what each unknown label was answered to be.
_ANSWERS = """
element.addEventListener('click', (event) => {
  if (!event.target.closest('[data-answer]')) return;
  const answers = {};
  for (const each of element.querySelectorAll('select[data-label]')) {
    if (each.value !== '?') answers[each.dataset.label] = each.value;
  }
  trigger('apply', {answers});
});
"""

Shown = tuple[str, gr.Button, gr.Dropdown, gr.Checkbox]


@dataclass(frozen=True)
class Asked:
    """What the page says of a dropped file."""

    recording_id: str | None
    path: str | None
    wishes: importing.Wishes


def look(library: Library, asked: Asked) -> Shown:
    """What importing the file would do, or what keeps it from being imported."""
    if not asked.path or not asked.recording_id:
        return "", gr.Button(interactive=False), *_choices(None)
    found = None
    try:
        found = reading.read(reading.content_of(Path(asked.path)), Path(asked.path).name)
        recording = library.recording(asked.recording_id)
        plan = importing.plan(found, library, recording, asked.wishes)
    except StudioError as error:
        return faults_html(error), gr.Button(interactive=False), *_choices(found)
    is_ready = not plan.unknown and bool(plan.segments)
    return plan_html(found, plan), gr.Button(interactive=is_ready), *_choices(found)


def plan_html(found: reading.Found, plan: importing.Plan) -> str:
    """A file as it was understood: what must be asked, what is noted, its first regions."""
    tiers = f" on {len(found.tiers)} tiers" if len(found.tiers) > 1 else ""
    head = f"<p><b>{escape(found.format.title)}</b>: {_many(len(found.marks))}{tiers}.</p>"
    gone = f"<p>Gives way: {_many(len(plan.replaced))}.</p>" if plan.replaced else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in plan.notes[:_ROWS])
    return (
        f'<div class="labels">{head}{_asked(plan.unknown)}{gone}'
        f"{f'<ul>{notes}</ul>' if notes else ''}{_preview(plan.segments)}</div>"
    )


@alerting
def bring_in(library: Library, asked: Asked) -> tuple:
    """Save the file's regions as one edit; the editor sees them within seconds."""
    if not asked.path or not asked.recording_id:
        raise StudioError("No file yet. Drop a file of labels into the box.")
    found = reading.read(reading.content_of(Path(asked.path)), Path(asked.path).name)
    plan = importing.plan(found, library, library.recording(asked.recording_id), asked.wishes)
    count = importing.save(library, plan, asked.wishes.annotator)
    same = len(plan.segments) - count
    said = f"{_many(count)} imported" + (f", {same} were here already as they are" if same else "")
    html = f'<p class="notice" role="status">{said}. One undo in the editor takes it back.</p>'
    return None, html, gr.Button(interactive=False), *_choices(None)


def taken_out(library: Library, recording_id: str | None, format: str, which: str | None) -> str:
    """A link to the file, and what it cannot hold."""
    if not recording_id:
        return '<p class="hint">Choose a recording first.</p>'
    status, _, who = (which or "").partition(":")
    try:
        segments = chosen(library, recording_id, status, who)
    except StudioError as error:
        return faults_html(error)
    if not segments:
        return '<p class="notice">Nothing is marked here yet.</p>'
    link = f"{PREFIX.lstrip('/')}{address(recording_id, format, status, who)}"
    kind = FORMATS[format]
    lost = "".join(f"<li>{escape(line)}</li>" for line in exporting.losses(segments, format))
    return (
        f'<p><a class="labels-out" href="{escape(link)}" download>Download {escape(kind.title)} '
        f"({_many(len(segments))})</a></p>"
        + (f"<p>What it cannot hold:</p><ul>{lost}</ul>" if lost else "<p>It holds everything.</p>")
        + (_INTERFACE if format == "label-studio" else "")
    )


def offer(
    library: Library, recording_id: str | None, format: str, which: str | None
) -> tuple[gr.Dropdown, str]:
    """What may be taken out of the recording that is open."""
    people = annotators(library.segments(recording_id)) if recording_id else []
    options = [("All of it", ""), ("What is approved", "approved:")]
    options += [(f"What {name} marked", f":{name}") for name in people]
    kept = which if which in {value for _, value in options} else ""
    html = taken_out(library, recording_id, format, kept)
    return gr.Dropdown(choices=options, value=kept), html


def build_exchange_panel(library: Library, recording: gr.Dropdown) -> None:
    """Add the panel to the open tab; `recording` names what is open."""
    panel = gr.Accordion("Import and export labels", open=False, elem_id="exchange")
    with panel, gr.Row(equal_height=False):
        with gr.Column(min_width=300):
            _build_import(library, recording)
        with gr.Column(min_width=300):
            _build_export(library, recording, panel)


def _build_import(library: Library, recording: gr.Dropdown) -> None:
    nickname, answers = gr.Textbox(visible=False), gr.State({})
    file = gr.File(
        label="Labels from Audacity, Praat, ELAN, JAMS, CSV, RTTM, Label Studio …",
        height=140,
        elem_id="exchange-file",
    )
    tiers = gr.Dropdown(
        [], multiselect=True, visible=False, label="Only these tiers (if empty, all with sections)"
    )
    points = gr.Checkbox(visible=False, label="Points are where sections begin")
    replace = gr.Checkbox(label="What I marked here before gives way")
    seen = gr.HTML(js_on_load=_ANSWERS, apply_default_css=False, elem_id="exchange-seen")
    start = gr.Button("Import", variant="primary", interactive=False, elem_id="exchange-start")

    asked = [recording, file, answers, tiers, points, replace, nickname]
    shown, signed = [seen, start, tiers, points], {**_QUIET, "js": NICKNAME}
    again, do = _asking(look, library), _asking(bring_in, library)
    file.upload(_anew, None, [answers, tiers, points], **_QUIET).then(again, asked, shown, **signed)
    file.clear(lambda: ("", gr.Button(interactive=False)), None, [seen, start], **_QUIET)
    gr.on([tiers.input, points.input, replace.input], again, asked, shown, **signed)
    seen.apply(_answered, answers, answers, **_QUIET).then(again, asked, shown, **signed)
    start.click(do, asked, [file, *shown], **{**signed, "show_progress": "full"})


def _build_export(library: Library, recording: gr.Dropdown, panel: gr.Accordion) -> None:
    titles = [(each.title, name) for name, each in FORMATS.items()]
    format = gr.Dropdown(titles, value="csv", label="Format", elem_id="exchange-format")
    which = gr.Dropdown([("All of it", "")], value="", label="Which regions")
    out = gr.HTML(apply_default_css=False, elem_id="exchange-out")

    offered = [recording, format, which]
    gr.on([panel.expand, recording.change], bound(offer, library), offered, [which, out], **_QUIET)
    gr.on([format.input, which.input], bound(taken_out, library), offered, out, **_QUIET)


def _anew() -> tuple:
    """For a new file nothing is answered yet."""
    return {}, gr.Dropdown(value=None), gr.Checkbox(value=False)


def _asking(act: Callable[[Library, Asked], tuple], library: Library) -> Callable:
    """`act` as a handler of all that the page says of a file."""

    def handler(
        recording_id: str | None,
        path: str | None,
        answers: dict[str, str],
        tiers: list[str] | None,
        points: bool,
        replace: bool,
        nickname: str | None,
        profile: gr.OAuthProfile | None,
    ) -> tuple:
        who = annotator(profile, nickname)
        wishes = importing.Wishes(answers, tuple(tiers or ()), replace, who, points)
        return act(library, Asked(recording_id, path, wishes))

    return handler


def _answered(answers: dict[str, str], event: gr.EventData) -> dict[str, str]:
    said = event.answers if isinstance(event.answers, dict) else {}
    return {**answers, **{str(label): str(section) for label, section in said.items()}}


def _choices(found: reading.Found | None) -> tuple[gr.Dropdown, gr.Checkbox]:
    """What may be chosen of a file that has several tiers, or points."""
    if found is None:
        return gr.Dropdown(visible=False), gr.Checkbox(visible=False)
    tiers = list(found.tiers)
    return (
        gr.Dropdown(choices=tiers, visible=len(tiers) > 1),
        gr.Checkbox(visible=has_points(found)),
    )


def _asked(unknown: Iterable[importing.Unknown]) -> str:
    unknown = list(unknown)
    if not unknown:
        return ""
    rows = [
        (
            f"<b>{escape(each.label) or '(no label)'}</b><small>{_many(each.count)}, first at "
            f"{escape(each.where)}</small>",
            _choice(each),
        )
        for each in unknown[:_MOST_ASKED]
    ]
    more = len(unknown) - _MOST_ASKED
    return (
        '<p class="notice" role="status">These labels name no section. Say what each is, or leave '
        "its regions out.</p>"
        + table_html(("Label", "Is"), rows)
        + (f"<p>and {more} more, once these are answered.</p>" if more > 0 else "")
        + '<p><button type="button" data-answer>Use these answers</button></p>'
    )


def _choice(unknown: importing.Unknown) -> str:
    likely = "".join(f"<option>{escape(each)}</option>" for each in unknown.suggestions)
    others = "".join(
        f"<option>{each}</option>" for each in SECTIONS if each not in unknown.suggestions
    )
    label = escape(unknown.label, quote=True)
    return (
        f'<select data-label="{label}" aria-label="What {label or "no label"} is">'
        f'<option value="{_UNANSWERED}">Choose…</option>'
        + (f'<optgroup label="Perhaps">{likely}</optgroup>' if likely else "")
        + f'<optgroup label="Sections">{others}</optgroup>'
        f'<option value="{importing.LEAVE_OUT}">Leave out</option></select>'
    )


def _preview(segments: tuple[Segment, ...]) -> str:
    if not segments:
        return ""
    rows = [
        (
            clock(each.start_s),
            clock(each.end_s),
            escape(each.section),
            escape(each.raga or ""),
            escape(each.tala or ""),
            escape(", ".join(filter(None, (each.annotator, each.status, each.note)))[:80]),
        )
        for each in segments[:_ROWS]
    ]
    more = len(segments) - _ROWS
    return table_html(_HEADS, rows) + (f"<p>and {more} more.</p>" if more > 0 else "")


def _many(count: int) -> str:
    return f"{count:,} region{'' if count == 1 else 's'}"
