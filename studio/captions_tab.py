"""Stage 4 in the page: word regions by templates, seen at work on real ones; below, stage 5."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import islice

import gradio as gr

from core.caption import caption, known_fields
from core.edits import clock
from core.errors import AnnotationError
from core.library import Library
from core.records import SECTIONS, Recording, SectionName, Segment
from core.templates import FIELDS, CaptionTemplate, save_templates, template_names, templates
from core.workspace import Workspace
from studio.alerts import alerting, bound
from studio.export_form import build_export_form, ragas_of
from studio.tables import OPENS, open_button, table_html

FIRST = "sections"  # the template that is shown first
SHOWN = 12
UNSAVED = "Not saved yet: give it a name of your own."

Own = Mapping[str, str]  # what was typed over the template and not saved yet, by section


@dataclass(frozen=True)
class CaptionsTab:
    """What the rest of the page may use: `table` tells of 'open', a recording to look at."""

    table: gr.HTML


@alerting
def show_template(
    workspace: Workspace, library: Library, name: str, section: SectionName
) -> tuple[Own, str, str, str]:
    """Begin with another template; what was typed over the last one is forgotten."""
    return {}, *show_section(workspace, library, {}, name, section), ""


@alerting
def show_section(
    workspace: Workspace, library: Library, own: Own, name: str, section: SectionName
) -> tuple[str, str]:
    """A section's template as it is now, and what it says of real segments."""
    text = own.get(section) or templates(name, workspace)[section].text
    return text, preview_html(library, section, text)


@alerting
def type_over(
    workspace: Workspace, library: Library, own: Own, name: str, section: SectionName, text: str
) -> tuple[Own, str, str]:
    """Take what is typed, and show what it says."""
    now = {each: typed for each, typed in own.items() if each != section}
    if not _says(templates(name, workspace)[section], text):
        now[section] = text
    return now, preview_html(library, section, text), UNSAVED if now else ""


def preview_html(library: Library, section: SectionName, text: str) -> str:
    """What a template says of real segments; as someone types, its fault instead."""
    try:
        template = CaptionTemplate.parse(text)
    except AnnotationError as error:
        return f'<p class="notice bad" role="alert">{escape(str(error))}</p>'
    found = list(islice(_segments(library, section), SHOWN))
    if not found:
        return (
            f'<p class="notice">No {section} is marked yet. Mark one in the Segment tab, and see '
            "here what this template says of it.</p>"
        )
    rows = (_cells(segment, recording, template) for recording, segment in found)
    return table_html(("Region", "Caption", ""), rows)


@alerting
def save(workspace: Workspace, own: Own, base: str, name: str) -> tuple[Own, gr.Dropdown, str]:
    """Keep what was typed, and the rest of what it was begun from, under a name."""
    name = name.strip()
    if not name:
        raise AnnotationError("The template has no name yet. Type one beside Save.")
    texts = {each: template.text for each, template in templates(base, workspace).items()}
    save_templates(workspace, name, {**texts, **own})
    return {}, gr.Dropdown(template_names(workspace), value=name), f"Saved as **{name}**."


@alerting
def refreshed(
    library: Library, section: SectionName, text: str, ragas: list[str] | None
) -> tuple[str, gr.Dropdown]:
    """The preview over the segments there are now, and the ragas they are in."""
    return preview_html(library, section, text), ragas_of(library, ragas)


def build_captions_tab(page: gr.Blocks, workspace: Workspace, library: Library) -> CaptionsTab:
    """Add the tab to the open `page`."""
    with gr.Tab("Captions", id="captions") as tab:
        own = gr.State({})
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300, elem_classes="card"):
                template, section, text, name, keep, said = _form(workspace)
            with gr.Column(scale=3, min_width=320):
                table = gr.HTML(js_on_load=OPENS, apply_default_css=False, elem_id="captions")
        with gr.Column(elem_classes="card"):
            ragas = build_export_form(workspace, library, template, own)

    private = {"api_visibility": "private"}
    quiet = {**private, "show_progress": "hidden", "queue": False}
    template.input(
        bound(show_template, workspace, library), [template, section], [own, text, table, said],
        **quiet,
    )  # fmt: skip
    section.input(
        bound(show_section, workspace, library), [own, template, section], [text, table], **quiet
    )
    typed = bound(type_over, workspace, library), [own, template, section, text]
    text.change(*typed, [own, table, said], trigger_mode="always_last", **quiet)
    keep.click(bound(save, workspace), [own, template, name], [own, template, said], **private)
    seen = [section, text, ragas], [table, ragas]
    gr.on([page.load, tab.select], bound(refreshed, library), *seen, **quiet)
    return CaptionsTab(table)


def _form(workspace: Workspace) -> tuple:
    gr.Markdown("### What each region is called")
    names, section = template_names(workspace), SECTIONS[0]
    template = gr.Dropdown(names, value=FIRST, label="Template", elem_id="template")
    of = gr.Dropdown(list(SECTIONS), value=section, label="Section", elem_id="template-section")
    text = gr.Textbox(
        templates(FIRST)[section].text,
        label="In words",
        info="A clause whose field is unknown is left out. | separates clauses.",
        lines=3,
        elem_id="template-text",
    )
    gr.HTML(_fields_html(), apply_default_css=False)
    with gr.Row():
        name = gr.Textbox(
            placeholder="a name of your own", label="Name", container=False, min_width=140, scale=2
        )
        keep = gr.Button("Save", min_width=90, scale=1)
    said = gr.Markdown(elem_classes="hint")
    return template, of, text, name, keep, said


def _says(template: CaptionTemplate, text: str) -> bool:
    try:
        return CaptionTemplate.parse(text) == template
    except AnnotationError:
        return False


def _segments(library: Library, section: SectionName) -> Iterable[tuple[Recording, Segment]]:
    recordings = {recording.id: recording for recording in library.recordings()}
    for segment in library.segments(section=section):
        if segment.status != "rejected":
            yield recordings[segment.recording_id], segment


def _cells(segment: Segment, recording: Recording, template: CaptionTemplate) -> tuple[str, ...]:
    known = known_fields(segment, recording)
    said = caption(segment, recording, {segment.section: template})
    lacking = ", ".join(sorted(template.fields - known.keys()))
    note = f"<small>not known: {lacking}</small>" if lacking else ""
    where = f"{clock(segment.start_s)} to {clock(segment.end_s)}"
    return (
        f"<b>{escape(recording.title)}</b><small>{where}</small>",
        f"<q>{escape(said)}</q>{note}",
        open_button(recording.id, recording.title),
    )


def _fields_html() -> str:
    items = (f"<li><code>{{{name}}}</code> {escape(what)}</li>" for name, what in FIELDS.items())
    return f'<details class="known"><summary>Fields</summary><ul>{"".join(items)}</ul></details>'
