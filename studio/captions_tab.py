"""Stages 4 and 5 in the page: word the segments by a template, and export them as a dataset."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from itertools import islice

import gradio as gr

from core.caption import caption, known_fields
from core.edits import clock
from core.errors import AnnotationError, StudioError
from core.export import ExportConfig, Plan, export, preview
from core.library import Library
from core.recipe import MUSIC
from core.records import SECTIONS, Recording, SectionName, Segment
from core.templates import FIELDS, CaptionTemplate, save_templates, template_names, templates
from core.workspace import Workspace
from studio.alerts import alerting, bound
from studio.tables import OPENS, open_button, table_html

FIRST = "sections"  # the template that is shown first
SHOWN = 12
TRUST = [
    ("Approved regions only", "approved"),
    ("Approved, and drafts", "approved,draft"),
]


def text_of(workspace: Workspace, name: str, section: SectionName) -> str:
    """The template of a section as one types it."""
    return templates(name, workspace)[section].text


@dataclass(frozen=True)
class CaptionsTab:
    """What the rest of the page may use: `table` tells of 'open', a recording to look at."""

    table: gr.HTML


@alerting
def chosen(workspace: Workspace, library: Library, name: str, section: SectionName) -> tuple:
    """Show the template of a section, worded over real segments."""
    text = text_of(workspace, name, section)
    return text, preview_html(library, section, text)


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
def save(
    workspace: Workspace, base: str, section: SectionName, text: str, name: str
) -> tuple[gr.Dropdown, str]:
    """Keep the typed template, and the rest of what it was begun from, under a name."""
    if not name.strip():
        raise AnnotationError("The template has no name yet. Type one beside Save.")
    texts = {each: template.text for each, template in templates(base, workspace).items()}
    save_templates(workspace, name.strip(), {**texts, section: text})
    names = template_names(workspace)
    return gr.Dropdown(names, value=name.strip()), f"Saved as **{name.strip()}**."


@alerting
def count(
    workspace: Workspace,
    library: Library,
    name: str,
    template: str,
    sections: list[str],
    ragas: list[str],
    trust: str,
) -> tuple[str, str]:
    """What an export would hold, without making it."""
    plan = preview(_config(name, template, sections, ragas, trust), workspace, library)
    return _summary(plan), _counts_html(plan)


@alerting
def make(
    workspace: Workspace,
    library: Library,
    name: str,
    template: str,
    sections: list[str],
    ragas: list[str],
    trust: str,
    replace: bool,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> tuple[str, str]:
    """Export the dataset, and say where it is."""
    config = _config(name, template, sections, ragas, trust, overwrite=replace)

    def show(done: int, total: int, message: str) -> None:
        progress((done, total), desc=message, unit="clips")

    plan = preview(config, workspace, library)
    folder = export(config, workspace, library, show)
    said = f"Exported **{config.name}** to `{folder}`. {_summary(plan)}\n\nNext: the Train tab."
    return said, _counts_html(plan)


def build_captions_tab(page: gr.Blocks, workspace: Workspace, library: Library) -> CaptionsTab:
    """Add the tab to the open `page`."""
    with gr.Tab("Captions", id="captions") as tab:
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300, elem_classes="card"):
                template, section, text, own_name, keep, said = _wording(workspace)
            with gr.Column(scale=3, min_width=320):
                table = gr.HTML(js_on_load=OPENS, apply_default_css=False, elem_id="captions")
        with gr.Column(elem_classes="card"):
            wish, replace, look, go, counted, counts = _exporting()

    private = {"api_visibility": "private"}
    quiet = {**private, "show_progress": "hidden", "queue": False}
    words = bound(chosen, workspace, library)
    gr.on([template.change, section.change], words, [template, section], [text, table], **quiet)
    text.input(bound(preview_html, library), [section, text], table, **quiet)
    own = [template, section, text, own_name]
    keep.click(bound(save, workspace), own, [template, said], **private)
    wish.insert(1, template)
    look.click(bound(count, workspace, library), wish, [counted, counts], **private)
    go.click(bound(make, workspace, library), [*wish, replace], [counted, counts], **private)
    now = bound(refreshed, library)
    seen = [section, text, wish[3]], [table, wish[3]]
    gr.on([page.load, tab.select], now, *seen, **quiet)
    return CaptionsTab(table)


def _wording(workspace: Workspace) -> tuple:
    gr.Markdown("### What each region is called")
    names = template_names(workspace)
    template = gr.Dropdown(names, value=FIRST, label="Template", elem_id="template")
    sections = list(SECTIONS)
    section = gr.Dropdown(sections, value=sections[0], label="Section", elem_id="template-section")
    text = gr.Textbox(
        text_of(workspace, FIRST, sections[0]),
        label="In words",
        info="A clause whose field is unknown is left out. | separates clauses.",
        lines=3,
        elem_id="template-text",
    )
    gr.HTML(_fields_html(), apply_default_css=False)
    with gr.Row():
        own_name = gr.Textbox(
            placeholder="a name of your own", label="Name", container=False, min_width=140, scale=2
        )
        keep = gr.Button("Save", min_width=90, scale=1)
    said = gr.Markdown()
    return template, section, text, own_name, keep, said


def _exporting() -> tuple:
    gr.Markdown("### Export a dataset")
    with gr.Row():
        name = gr.Textbox("demo", label="Name", elem_id="export-name", min_width=140)
        trust = gr.Dropdown(TRUST, value=TRUST[0][1], label="Trust", min_width=230)
        sections = gr.Dropdown(
            list(SECTIONS), value=list(MUSIC), multiselect=True, label="Sections", scale=3
        )
        ragas = gr.Dropdown([], multiselect=True, label="Ragas", info="None: all.", scale=2)
    with gr.Row():
        replace = gr.Checkbox(label="Replace a dataset of this name", min_width=200)
        look = gr.Button("Count", elem_id="export-count", min_width=120)
        go = gr.Button("Export", variant="primary", elem_id="export-go", min_width=120)
    counted = gr.Markdown(elem_id="export-said")
    counts = gr.HTML(elem_id="export-counts", apply_default_css=False)
    return [name, sections, ragas, trust], replace, look, go, counted, counts


@alerting
def refreshed(
    library: Library, section: SectionName, text: str, ragas: list[str]
) -> tuple[str, gr.Dropdown]:
    """The preview over the segments there are now, and the ragas they are in."""
    there = {
        segment.raga or recording.raga
        for recording in library.recordings()
        for segment in library.segments(recording.id)
    }
    names = sorted(there - {None})
    kept = [raga for raga in ragas or [] if raga in names]
    return preview_html(library, section, text), gr.Dropdown(names, value=kept, multiselect=True)


def _config(
    name: str, template: str, sections: list[str], ragas: list[str], trust: str, **more
) -> ExportConfig:
    if not sections:
        raise StudioError("No section is chosen. Choose at least one to export.")
    return ExportConfig(
        name=name.strip(),
        template=template,
        sections=tuple(sections),
        ragas=tuple(ragas or ()),
        statuses=tuple(trust.split(",")),
        **more,
    )


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


def _summary(plan: Plan) -> str:
    n_recordings = len({clip.recording.id for clip in plan.clips})
    head = f"**{len(plan.clips)} clips**, {60 * plan.hours:.1f} minutes, {n_recordings} recordings."
    return "\n".join([head, *(f"- {note}" for note in plan.notes)])


def _counts_html(plan: Plan) -> str:
    counts = plan.counts()
    return table_html(tuple(counts[0]), [[escape(str(v)) for v in row.values()] for row in counts])
