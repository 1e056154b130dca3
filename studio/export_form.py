"""Stage 5 in the page: count what an export would hold, make it, and hand it on."""

import threading
from collections import Counter
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

import gradio as gr

from core.errors import DatasetError
from core.export import ExportConfig, Plan, export, preview
from core.library import Library
from core.recipe import MUSIC
from core.records import SECTIONS
from core.workspace import Workspace
from studio.access import permit
from studio.alerts import alerting, bound
from studio.tables import table_html

if TYPE_CHECKING:
    import pandas as pd

TRUST = [
    ("Approved regions only", "approved"),
    ("Approved, and drafts", "approved,draft"),
]
PRESETS = [
    ("svara: rows counted from Sa", "svara"),
    ("riffusion: as its models were fed", "riffusion"),
]
FORMATS = [
    ("PNG and metadata.jsonl (imagefolder)", "imagefolder"),
    ("webdataset (tar)", "webdataset"),
    ("FLAC and captions (audiofolder)", "audiofolder"),
    ("kohya (image and txt)", "kohya"),
]
# The browser's number boxes cannot be empty: what stands there then means "not said".
UNSAID = {"clip_s": 0, "hop_s": 0, "max_s": 0, "max_mridangam": 1}
UNSAID |= {"max_per_raga": 0, "max_per_recording": 0, "max_per_section": 0}
WHOLE = ("n_captions", "max_per_raga", "max_per_recording", "max_per_section")
PRIVATE = {"api_visibility": "private"}

Wishes = Mapping[str, object]  # the form's values by the names of `ExportConfig`'s fields


class Stops:
    """How the Stop button reaches an export that is at work, by the dataset's name."""

    def __init__(self):
        self._asked: dict[str, threading.Event] = {}

    def begin(self, name: str) -> threading.Event:
        """What the export of `name` looks at."""
        self._asked[name] = threading.Event()
        return self._asked[name]

    def stop(self, name: str) -> bool:
        """Ask it to stop; say whether there is one."""
        asked = self._asked.pop(name, None)
        if asked:
            asked.set()
        return asked is not None

    def end(self, name: str) -> None:
        """It is at work no more."""
        self._asked.pop(name, None)


@alerting
def count(
    workspace: Workspace, library: Library, own: Mapping[str, str], template: str, wishes: Wishes
) -> tuple[str, dict, str]:
    """What an export would hold, without making it."""
    plan = preview(config_of(own, template, wishes), workspace, library)
    return _summary(plan), _plot(plan), _counts_html(plan)


@alerting
def make(
    workspace: Workspace,
    library: Library,
    stops: Stops,
    own: Mapping[str, str],
    template: str,
    wishes: Wishes,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> tuple[str, dict, str]:
    """Export the dataset, and say where it is."""
    config = config_of(own, template, wishes)

    def show(done: int, total: int, message: str) -> None:
        progress((done, total), desc=message, unit="clips")

    plan = preview(config, workspace, library)
    try:
        folder = export(config, workspace, library, show, stops.begin(config.name))
    finally:
        stops.end(config.name)
    said = f"Exported **{config.name}** to `{folder}`. {_summary(plan)}\n\nNext: the Train tab."
    return said, _plot(plan), _counts_html(plan)


@alerting
def stop(stops: Stops, name: str) -> str:
    """Stop an export at its next clip."""
    if not stops.stop(str(name).strip()):
        raise DatasetError(f"No export of {name!r} is at work.")
    return "Stopping at the next clip. Nothing half-written stays."


@alerting
def push(
    workspace: Workspace,
    library: Library,
    name: str,
    repo: str,
    public: bool,
    profile: gr.OAuthProfile | None,
) -> str:
    """Upload to the Hub what may be handed on, and say what was held back."""
    from core import publish

    permit("push", profile)
    if not repo.strip():
        raise DatasetError("Where to? Give the repository's name, such as me/my-dataset.")
    folder, restricted = workspace.dataset(name.strip()), publish.restricted_now(library)
    pushed = publish.push(folder, repo.strip(), restricted, private=not public)
    said = f"Pushed to {pushed.address}. {'Everybody sees it.' if public else 'Only you see it.'}"
    return f"{said} {_held_back(pushed.withheld)}"


def _held_back(n: int) -> str:
    if not n:
        return "Every clip went."
    return (
        f"{n} clips of restricted recordings stayed here: of them went who, where, when, the words "
        "and a hash, from which whoever has the recordings can rebuild them."
    )


def config_of(own: Mapping[str, str], template: str, wishes: Wishes) -> ExportConfig:
    """The form as an export's settings; what was typed over the template must be saved first."""
    if own:
        raise DatasetError(
            f"The template of {', '.join(own)} was changed and not saved. Save it under a name of "
            "your own above, or choose a template anew."
        )
    said = {name: value for name, value in wishes.items() if value not in (None, UNSAID.get(name))}
    if not said.get("sections"):
        raise DatasetError("No section is chosen. Choose at least one to export.")
    said |= {name: tuple(said.get(name) or ()) for name in ("sections", "ragas")}
    said |= {"name": str(said["name"]).strip(), "statuses": tuple(said["statuses"].split(","))}
    said |= {name: int(value) for name, value in said.items() if name in WHOLE}
    return ExportConfig(template=template, **{"floor_db": None, **said})


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
    form = _what() | _how()
    with gr.Row():
        look = gr.Button("Count", elem_id="export-count", min_width=110)
        go = gr.Button("Export", variant="primary", elem_id="export-go", min_width=110)
        halt = gr.Button("Stop", elem_id="export-stop", min_width=110)
    said = gr.Markdown(elem_id="export-said")
    plot = gr.BarPlot(
        x="raga", y="clips", color="split", visible=False, height=240, elem_id="export-plot"
    )
    counts = gr.HTML(elem_id="export-counts", apply_default_css=False)

    names, stops = tuple(form), Stops()
    wish, told = [own, template, *form.values()], [said, plot, counts]

    def counted(own: dict, template: str, *values):
        return count(workspace, library, own, template, dict(zip(names, values, strict=True)))

    def made(own: dict, template: str, *values, progress=gr.Progress()):  # noqa: B008
        wishes = dict(zip(names, values, strict=True))
        return make(workspace, library, stops, own, template, wishes, progress)

    look.click(counted, wish, told, **PRIVATE)
    go.click(made, wish, told, **PRIVATE)
    halt.click(bound(stop, stops), form["name"], said, queue=False, **PRIVATE)
    _hand_on(workspace, library, form["name"])
    return form["ragas"]


def _what() -> dict[str, gr.components.Component]:
    """The settings most exports choose."""
    with gr.Row():
        name = gr.Textbox("demo", label="Name", elem_id="export-name", min_width=140)
        trust = gr.Dropdown(TRUST, value=TRUST[0][1], label="Trust", min_width=230)
        sections = gr.Dropdown(
            list(SECTIONS), value=list(MUSIC), multiselect=True, label="Sections", scale=3
        )
        ragas = gr.Dropdown([], multiselect=True, label="Ragas", info="None: all.", scale=2)
    return {"name": name, "statuses": trust, "sections": sections, "ragas": ragas}


def _how() -> dict[str, gr.components.Component]:
    """The settings that have good answers already."""
    usual = ExportConfig()
    with gr.Accordion("Clips, pictures and balance", open=False, elem_id="export-more"):
        with gr.Row():
            form = {
                "preset": gr.Dropdown(PRESETS, value=usual.preset, label="Picture", min_width=220),
                "format": gr.Dropdown(FORMATS, value=usual.format, label="Layout", min_width=220),
                "n_captions": _number("Wordings of each caption", usual.n_captions),
            }
        with gr.Row():
            form |= {
                "clip_s": _number("Clip, seconds", 0, "0: as the picture asks."),
                "hop_s": _number("From clip to clip, seconds", 0, "0: end to end."),
                "min_s": _number("Shortest region, seconds", usual.min_s),
                "max_s": _number("Longest region, seconds", 0, "0: any."),
            }
        with gr.Row():
            form |= {
                "max_mridangam": _number("Most mridangam, 0 to 1", 1, "1: any."),
                "floor_db": _number("Softest clip, dB", usual.floor_db, "RMS; full scale is 0."),
                "max_per_raga": _number("Most clips of a raga", 0, "0: all."),
                "max_per_recording": _number("Most of a recording", 0, "0: all."),
                "max_per_section": _number("Most of a section", 0, "0: all."),
            }
        with gr.Row(elem_classes="stacks"):
            form |= {
                "align_tonic": gr.Checkbox(usual.align_tonic, label="Count rows from the tonic"),
                "estimate_tonic": gr.Checkbox(label="Measure tonics that are not known"),
                "measure": gr.Checkbox(label="Listen, so that captions say register and tempo"),
                "overwrite": gr.Checkbox(
                    label="Replace a dataset of this name", elem_id="export-replace"
                ),
            }
    return form


def _number(label: str, value: float | None, info: str | None = None) -> gr.Number:
    whole = isinstance(value, int) or (label.startswith("Most") and "mridangam" not in label)
    return gr.Number(value, label=label, info=info, min_width=150, precision=0 if whole else None)


def _hand_on(workspace: Workspace, library: Library, name: gr.Textbox) -> None:
    with gr.Accordion("Hand on to the Hugging Face Hub", open=False, elem_id="export-hub"):
        gr.Markdown(
            "Of restricted recordings no picture and no sound leaves: who, where, when, the words "
            "and a hash do. The token is `$HF_TOKEN` or that of `hf auth login`.",
            elem_classes="hint",
        )
        with gr.Row(elem_classes="stacks"):
            repo = gr.Textbox(label="Repository", placeholder="me/my-dataset", scale=2)
            public = gr.Checkbox(label="Everybody may see it", min_width=180)
            send = gr.Button("Push the dataset named above", min_width=220)
        told = gr.Markdown(elem_id="export-pushed")
    send.click(bound(push, workspace, library), [name, repo, public], told, **PRIVATE)


def _summary(plan: Plan) -> str:
    n_recordings = len({clip.recording.id for clip in plan.clips})
    head = f"**{len(plan.clips)} clips**, {60 * plan.hours:.1f} minutes, {n_recordings} recordings."
    return "\n".join([head, *(f"- {note}" for note in plan.notes)])


def _plot(plan: Plan) -> gr.BarPlot:
    return gr.BarPlot(_by_raga(plan), visible=True)


def _by_raga(plan: Plan) -> "pd.DataFrame":
    import pandas as pd

    counted = Counter((clip.known.get("raga", "no raga"), clip.split) for clip in plan.clips)
    rows = [(raga, split, n) for (raga, split), n in sorted(counted.items())]
    return pd.DataFrame(rows, columns=["raga", "split", "clips"])


def _counts_html(plan: Plan) -> str:
    counts = plan.counts()
    return table_html(tuple(counts[0]), [[escape(str(v)) for v in row.values()] for row in counts])
