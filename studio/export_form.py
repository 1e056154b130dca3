"""Stage 5 in the page: count what an export would hold, and make it."""

from collections.abc import Mapping
from html import escape

import gradio as gr

from core.errors import DatasetError
from core.export import ExportConfig, Plan, export, preview
from core.library import Library
from core.recipe import MUSIC
from core.records import SECTIONS
from core.workspace import Workspace
from studio.alerts import alerting, bound
from studio.tables import table_html

TRUST = [
    ("Approved regions only", "approved"),
    ("Approved, and drafts", "approved,draft"),
]


@alerting
def count(
    workspace: Workspace,
    library: Library,
    own: Mapping[str, str],
    template: str,
    name: str,
    sections: list[str],
    ragas: list[str] | None,
    trust: str,
) -> tuple[str, str]:
    """What an export would hold, without making it."""
    plan = preview(config_of(own, template, name, sections, ragas, trust), workspace, library)
    return _summary(plan), _counts_html(plan)


@alerting
def make(
    workspace: Workspace,
    library: Library,
    own: Mapping[str, str],
    template: str,
    name: str,
    sections: list[str],
    ragas: list[str] | None,
    trust: str,
    replace: bool,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> tuple[str, str]:
    """Export the dataset, and say where it is."""
    config = config_of(own, template, name, sections, ragas, trust, overwrite=replace)

    def show(done: int, total: int, message: str) -> None:
        progress((done, total), desc=message, unit="clips")

    plan = preview(config, workspace, library)
    folder = export(config, workspace, library, show)
    said = f"Exported **{config.name}** to `{folder}`. {_summary(plan)}\n\nNext: the Train tab."
    return said, _counts_html(plan)


def config_of(
    own: Mapping[str, str],
    template: str,
    name: str,
    sections: list[str],
    ragas: list[str] | None,
    trust: str,
    **more,
) -> ExportConfig:
    """The form as an export's settings; what was typed over the template must be saved first."""
    if own:
        raise DatasetError(
            f"The template of {', '.join(own)} was changed and not saved. Save it under a name of "
            "your own above, or choose a template anew."
        )
    if not sections:
        raise DatasetError("No section is chosen. Choose at least one to export.")
    return ExportConfig(
        name=name.strip(),
        template=template,
        sections=tuple(sections),
        ragas=tuple(ragas or ()),
        statuses=tuple(trust.split(",")),
        **more,
    )


def ragas_of(library: Library, chosen: list[str] | None) -> gr.Dropdown:
    """The ragas that are marked; of what was chosen, what is still there."""
    heard = {
        segment.raga or recording.raga
        for recording in library.recordings()
        for segment in library.segments(recording.id)
    }
    names = sorted(heard - {None})
    kept = [raga for raga in chosen or [] if raga in names]
    return gr.Dropdown(names, value=kept, multiselect=True)


def build_export_form(
    workspace: Workspace, library: Library, template: gr.Dropdown, own: gr.State
) -> gr.Dropdown:
    """Add the form to the open column; return its choice of ragas."""
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
    said = gr.Markdown(elem_id="export-said")
    counts = gr.HTML(elem_id="export-counts", apply_default_css=False)

    private = {"api_visibility": "private"}
    wish, told = [own, template, name, sections, ragas, trust], [said, counts]
    look.click(bound(count, workspace, library), wish, told, **private)
    go.click(bound(make, workspace, library), [*wish, replace], told, **private)
    return ragas


def _summary(plan: Plan) -> str:
    n_recordings = len({clip.recording.id for clip in plan.clips})
    head = f"**{len(plan.clips)} clips**, {60 * plan.hours:.1f} minutes, {n_recordings} recordings."
    return "\n".join([head, *(f"- {note}" for note in plan.notes)])


def _counts_html(plan: Plan) -> str:
    counts = plan.counts()
    return table_html(tuple(counts[0]), [[escape(str(v)) for v in row.values()] for row in counts])
