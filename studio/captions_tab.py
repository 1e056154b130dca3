"""Stages 4 and 5 in the page: word the segments by a template, and export them as a dataset."""

from collections.abc import Iterable
from html import escape
from itertools import islice

import gradio as gr

from core.caption import caption, coverage, known_fields
from core.edits import clock
from core.errors import AnnotationError, StudioError
from core.export import ExportConfig, Plan, export, preview
from core.library import Library
from core.records import SECTIONS, Recording, SectionName, Segment
from core.recipe import MUSIC
from core.templates import FIELDS, CaptionTemplate, save_templates, template_names, templates
from core.workspace import Workspace
from studio.alerts import alerting, bound

SHOWN = 12
TOLD = ("raga", "tala", "composer", "artist")  # fields whose absence is worth a word
TRUST = [
    ("Approved regions only", "approved"),
    ("Approved, and drafts", "approved,draft"),
]


def text_of(workspace: Workspace, name: str, section: SectionName) -> str:
    """The template of a section as one types it."""
    return templates(name, workspace)[section].text


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
    return _table(_line(segment, recording, template) for recording, segment in found)


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
) -> tuple[str, list[list]]:
    """What an export would hold, without making it."""
    plan = preview(_config(name, template, sections, ragas, trust), workspace, library)
    return _summary(plan), _rows(plan)


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
    progress: gr.Progress = gr.Progress(),  # noqa: B008: gradio finds it by this default
) -> str:
    """Export the dataset, and say where it is."""
    config = _config(name, template, sections, ragas, trust, overwrite=replace)

    def show(done: int, total: int, message: str) -> None:
        progress((done, total), desc=message, unit="clips")

    plan = preview(config, workspace, library)
    folder = export(config, workspace, library, show)
    return f"Exported **{config.name}** to `{folder}`.\n\n{_summary(plan)}\n\nNext: the Train tab."


def build_captions_tab(workspace: Workspace, library: Library) -> None:
    """Add the tab to the open `gr.Blocks`."""
    with gr.Tab("Captions", id="captions") as tab:
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300, elem_classes="card"):
                gr.Markdown("### What each region is called")
                template = gr.Dropdown(
                    template_names(workspace), value="sections", label="Template", elem_id="template"
                )
                section = gr.Dropdown(
                    list(SECTIONS), value="alapanai", label="Section", elem_id="template-section"
                )
                text = gr.Textbox(
                    text_of(workspace, "sections", "alapanai"),
                    label="In words",
                    info="A clause whose field is unknown is left out. | separates clauses.",
                    lines=3,
                    elem_id="template-text",
                )
                gr.HTML(_fields_html(), apply_default_css=False)
                with gr.Row():
                    own_name = gr.Textbox(
                        placeholder="my-template", label="Name", container=False, min_width=140
                    )
                    keep = gr.Button("Save as my own", min_width=140)
                said = gr.Markdown()
            with gr.Column(scale=3, min_width=320):
                shown = gr.HTML(elem_id="caption-preview", apply_default_css=False)
        with gr.Column(elem_classes="card"):
            gr.Markdown("### Export a dataset")
            with gr.Row():
                name = gr.Textbox("demo", label="Name", elem_id="export-name", min_width=140)
                trust = gr.Dropdown(TRUST, value="approved", label="Trust", min_width=180)
                sections = gr.Dropdown(
                    list(SECTIONS), value=list(MUSIC), multiselect=True, label="Sections", scale=3
                )
                ragas = gr.Dropdown(
                    [], multiselect=True, label="Ragas", info="None chosen means all.", scale=2
                )
            with gr.Row():
                replace = gr.Checkbox(label="Replace a dataset of this name")
                look = gr.Button("Count", elem_id="export-count")
                go = gr.Button("Export", variant="primary", elem_id="export-go")
            counted = gr.Markdown(elem_id="export-said")
            counts = gr.Dataframe(
                headers=["section", "raga", "split", "clips"], interactive=False, visible=False
            )

    private = {"api_visibility": "private"}
    quiet = {**private, "show_progress": "hidden", "queue": False}
    words = bound(chosen, workspace, library)
    gr.on([template.change, section.change], words, [template, section], [text, shown], **quiet)
    text.input(bound(preview_html, library), [section, text], shown, **quiet)
    keep.click(
        bound(save, workspace), [template, section, text, own_name], [template, said], **private
    )
    wish = [name, template, sections, ragas, trust]
    look.click(bound(count, workspace, library), wish, [counted, counts], **private).then(
        lambda: gr.Dataframe(visible=True), None, counts, **quiet
    )
    go.click(bound(make, workspace, library), [*wish, replace], counted, **private)
    tab.select(
        bound(refreshed, library), [section, text, ragas], [shown, ragas], **quiet
    )


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
    return preview_html(library, section, text), gr.Dropdown(names, value=kept)


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


def _line(segment: Segment, recording: Recording, template: CaptionTemplate) -> str:
    known = known_fields(segment, recording)
    said = caption(segment, recording, {segment.section: template})
    lacking = [name for name in coverage({segment.id: known}, TOLD).missing if name not in known]
    lacking = [name for name in lacking if name in template.fields]
    note = f'<small>not known: {", ".join(lacking)}</small>' if lacking else ""
    where = f"{escape(recording.title)} <small>{clock(segment.start_s)} – {clock(segment.end_s)}</small>"
    return f"<tr><td>{where}</td><td><q>{escape(said)}</q>{note}</td></tr>"


def _table(lines: Iterable[str]) -> str:
    head = '<tr><th scope="col">Region</th><th scope="col">Caption</th></tr>'
    return f'<table class="captions"><thead>{head}</thead><tbody>{"".join(lines)}</tbody></table>'


def _fields_html() -> str:
    items = (f"<li><code>{{{name}}}</code> {escape(what)}</li>" for name, what in FIELDS.items())
    return f'<details class="known"><summary>Fields</summary><ul>{"".join(items)}</ul></details>'


def _summary(plan: Plan) -> str:
    n = len(plan.clips)
    n_recordings = len({clip.recording.id for clip in plan.clips})
    head = f"**{n} clips**, {60 * plan.hours:.1f} minutes, of {n_recordings} recordings."
    return "\n".join([head, *(f"- {note}" for note in plan.notes)])


def _rows(plan: Plan) -> list[list[str | int]]:
    return [list(row.values()) for row in plan.counts()]


