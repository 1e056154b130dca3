"""Stage 6 in the page: check and launch a fine-tuning run, and watch it from any page.

A run is a process of its own and its folder is the whole truth: the page only reads it, so it may
be closed, reloaded or opened twice, and the studio may be restarted, while the run goes on.
"""

from dataclasses import dataclass
from functools import partial

import gradio as gr

from core.errors import RunError
from core.workspace import Workspace
from studio import train_form as form
from studio.access import is_owner, permit
from studio.alerts import alerting, bound
from studio.train_views import differences_html, loss_rows, samples_html, status_html
from training import jobs
from training.config import read_config
from training.handing_on import push_model
from training.run_folder import CONFIG, Figures

POLL_S = 2.0
LOG_KEPT = 20_000  # bytes of a log in the page
NOTHING = ("", -1, -1, -1)

# Tells Python which of the run's buttons was pressed; what cannot be undone asks first.
_PRESSES = """
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-do]');
  if (!pressed) return;
  const {run, do: what} = pressed.dataset;
  if (what === 'delete' && !confirm(`Delete ${run} with all that it made?`)) return;
  trigger('press', {run_id: run, what});
});
"""


@dataclass(frozen=True)
class TrainTab:
    """What the rest of the page may use."""

    run: gr.Dropdown


@alerting
def offer(workspace: Workspace, dataset: str | None, run_id: str | None) -> tuple:
    """The datasets, bases and runs there are now; what is chosen stays if it is still there."""
    datasets, runs = form.dataset_choices(workspace), run_choices(workspace)
    return (
        gr.Dropdown(datasets, value=_kept(dataset, datasets)),
        gr.Dropdown(form.base_choices(workspace)),
        gr.Dropdown(runs, value=_kept(run_id, runs)),
        gr.Dropdown(runs),
    )


def run_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """Every run, the newest first, with its state."""
    return [(f"{run.run_id} · {run.state}", run.run_id) for run in jobs.runs(workspace)]


def _kept(chosen: str | None, choices: list[tuple[str, str]]) -> str | None:
    names = [name for _, name in choices]
    return chosen if chosen in names else next(iter(names), None)


@alerting
def watch(
    workspace: Workspace,
    figures: Figures,
    run_id: str | None,
    seen: tuple,
    profile: gr.OAuthProfile | None,
) -> tuple:
    """Where the run stands, losses, sample clips and log; what has not changed is not sent again.

    `seen` is the run that was shown, the byte its log ended at, how many rows and samples it had.
    """
    jobs.advance(workspace)
    if not run_id:
        nothing = '<p class="notice">No run yet. Choose a dataset, check, and launch.</p>'
        return nothing, None, "", "", NOTHING
    try:
        found = jobs.status(workspace, run_id)
    except RunError:  # deleted meanwhile, here or in another page
        gone = '<p class="notice">This run is gone. Choose another.</p>'
        return gone, None, "", "", NOTHING
    _, offset, n_rows, n_samples = seen if seen[0] == run_id else (run_id, -1, -1, -1)
    news, end = jobs.log(workspace, run_id, max(0, offset))
    metrics, samples = figures.of(workspace.run(run_id)), jobs.samples(workspace, run_id)
    return (
        status_html(found, is_owner(profile)),
        loss_rows(metrics) if len(metrics) != n_rows else gr.skip(),
        samples_html(workspace, run_id) if len(samples) != n_samples else gr.skip(),
        _tail(workspace, run_id, end) if news or offset < 0 else gr.skip(),
        (run_id, end, len(metrics), len(samples)),
    )


def _tail(workspace: Workspace, run_id: str, end: int) -> str:
    return jobs.log(workspace, run_id, max(0, end - LOG_KEPT))[0]


@alerting
def press(
    workspace: Workspace, profile: gr.OAuthProfile | None, event: gr.EventData
) -> tuple | list:
    """Do what one of the run's buttons says; its settings go into the form."""
    unchanged = [gr.skip() for _ in range(2 + len(form.settings()))]
    if event.what == "settings":
        config = read_config(workspace.run(event.run_id) / CONFIG)
        known = [name for _, name in form.dataset_choices(workspace)]
        dataset = config.dataset.name if config.dataset.name in known else None
        gr.Info(f"The form now says what {event.run_id} was told.")
        return [gr.skip(), dataset, *form.values_of(config)]
    permit("train", profile)
    acts = {
        "stop": jobs.stop,
        "save": jobs.save_now,
        "sample": jobs.sample_now,
        "resume": jobs.resume,
        "delete": jobs.delete,
    }
    if said := acts[event.what](workspace, event.run_id):
        gr.Info(said)
    if event.what == "delete":
        unchanged[0] = gr.Dropdown(run_choices(workspace), value=None)
    return unchanged


@alerting
def compare(workspace: Workspace, run_ids: list[str] | None) -> tuple:
    """The losses of several runs in one plot, and the settings in which they differ."""
    import pandas as pd

    chosen = run_ids or []
    losses = [loss_rows(jobs.metrics(workspace, each), each) for each in chosen]
    settings = {each: read_config(workspace.run(each) / CONFIG) for each in chosen}
    return pd.concat(losses) if losses else None, differences_html(settings)


@alerting
def launched(workspace: Workspace, profile: gr.OAuthProfile | None, *values) -> gr.Dropdown:
    """Launch what was checked and show it."""
    run_id = form.launch(workspace, profile, *values)
    return gr.Dropdown(run_choices(workspace), value=run_id)


@alerting
def hand_on(
    workspace: Workspace, profile: gr.OAuthProfile | None, run_id: str | None, repo_id: str
) -> str:
    """Push the shown run's model to the Hub, as a private one."""
    permit("push", profile)
    if not run_id or not repo_id.strip():
        raise RunError("Choose a run, and say where to: user/name.")
    address = push_model(workspace.run(run_id), repo_id.strip())
    return f"It is at {address}, for you alone until you open it there."


def build_train_tab(page: gr.Blocks, workspace: Workspace) -> TrainTab:
    """Add the tab to the open `page`."""
    with gr.Tab("Train", id="train") as tab, gr.Row(equal_height=False):
        timer = gr.Timer(POLL_S)
        with gr.Column(scale=2, min_width=300, elem_classes="card"):
            asked = _form()
        with gr.Column(scale=3, min_width=320):
            shown = _watched()
    private = {"api_visibility": "private"}
    quiet = {**private, "show_progress": "hidden", "queue": False}
    _wire_form(workspace, asked, shown, private, quiet)
    gr.on([page.load, tab.select], bound(offer, workspace), [asked.dataset, shown.run],
          [asked.dataset, asked.fields[0], shown.run, shown.compared], **quiet)  # fmt: skip
    look = bound(watch, workspace, Figures()), [shown.run, shown.seen]
    parts = [shown.state, shown.plot, shown.samples, shown.log, shown.seen]
    gr.on([timer.tick, shown.run.change], *look, parts, **quiet)
    pressed = [shown.run, asked.dataset, *asked.fields]
    shown.state.press(bound(press, workspace), None, pressed, **quiet).then(*look, parts, **quiet)
    shown.push.click(bound(hand_on, workspace), [shown.run, shown.repo], shown.pushed, **private)
    shown.compared.change(
        bound(compare, workspace), shown.compared, [shown.both, shown.table], **quiet
    )
    return TrainTab(shown.run)


@dataclass(frozen=True)
class _Asked:
    dataset: gr.Dropdown
    preset: gr.Radio
    fields: list
    place: list
    prices: gr.Button
    check: gr.Button
    start: gr.Button
    report: gr.HTML
    command: gr.Markdown
    checked: gr.State


@dataclass(frozen=True)
class _Shown:
    run: gr.Dropdown
    state: gr.HTML
    plot: gr.LinePlot
    samples: gr.HTML
    log: gr.Textbox
    seen: gr.State
    compared: gr.Dropdown
    both: gr.LinePlot
    table: gr.HTML
    repo: gr.Textbox
    push: gr.Button
    pushed: gr.Markdown


def _form() -> _Asked:
    gr.Markdown("### Fine-tune")
    dataset = gr.Dropdown([], label="Dataset", elem_id="train-dataset")
    preset = gr.Radio(list(form.PRESETS), value=form.FIRST, label="Preset", elem_id="train-preset")
    bases = [("Demo model", "demo")]
    n_main = len(form.MAIN)
    with gr.Accordion("Settings", open=False):
        fields = form.fields(form.settings()[:n_main], bases)
    with gr.Accordion("Everything else", open=False, elem_classes="settings"):
        fields += form.fields(form.settings()[n_main:], bases)
    with gr.Accordion("Where it runs", open=False):
        place, prices = _place()
    for each, value in zip(fields, form.of_preset(form.FIRST), strict=True):
        each.value = value
    with gr.Row():
        check = gr.Button("Check", elem_id="train-check")
        start = gr.Button("Launch", variant="primary", elem_id="train-launch", interactive=False)
    report = gr.HTML(apply_default_css=False, elem_id="train-report")
    command = gr.Markdown(elem_id="train-said")
    return _Asked(
        dataset, preset, fields, place, prices, check, start, report, command, gr.State("")
    )


def _place() -> tuple[list, gr.Button]:
    kinds = [("This machine", "local"), ("Hugging Face Jobs (paid by the minute)", "hf-jobs")]
    kind = gr.Radio(kinds, value="local", label="Machine", elem_id="train-place")
    on = gr.Textbox(
        label="GPUs", placeholder="all", info="Their numbers, such as 0,1; each takes a batch.",
        elem_id="train-gpus",
    )  # fmt: skip
    with gr.Group(visible=False) as elsewhere:
        flavor = gr.Dropdown([], label="Kind of machine", allow_custom_value=True)
        prices = gr.Button("Ask for machines and prices", size="sm")
        timeout = gr.Textbox("6h", label="Timeout", info="The job ends after it: 90m, 6h, 2d.")
        bucket = gr.Textbox(
            label="Bucket", placeholder="user/name",
            info="Dataset, checkpoints, samples and model lie there; the job holds no token.",
        )  # fmt: skip
    kind.change(
        lambda chosen: gr.Group(visible=chosen != "local"), kind, elsewhere,
        api_visibility="private", show_progress="hidden", queue=False,
    )  # fmt: skip
    return [kind, flavor, timeout, bucket, on], prices


def _watched() -> _Shown:
    run = gr.Dropdown([], label="Run", elem_id="train-run")
    state = gr.HTML(js_on_load=_PRESSES, apply_default_css=False, elem_id="train-state")
    line = partial(gr.LinePlot, x="step", y="loss", color="of", height=240)
    plot = line(elem_id="train-loss")
    samples = gr.HTML(apply_default_css=False, elem_id="train-samples")
    with gr.Accordion("Log", open=False):
        log = gr.Textbox(
            lines=14, max_lines=14, show_label=False, autoscroll=True, elem_id="train-log"
        )
    with gr.Accordion("Compare runs", open=False):
        compared = gr.Dropdown([], multiselect=True, label="Runs", elem_id="train-compared")
        both = line(elem_id="train-both")
        table = gr.HTML(apply_default_css=False, elem_id="train-differences")
    with gr.Accordion("Hand the model on", open=False):
        repo = gr.Textbox(
            label="Repository on the Hugging Face Hub", placeholder="user/name",
            info="Model, card, spectrogram parameters and last samples go there, privately.",
        )  # fmt: skip
        push = gr.Button("Push to the Hub")
        pushed = gr.Markdown()
    parts = [run, state, plot, samples, log, gr.State(NOTHING), compared, both, table]
    return _Shown(*parts, repo, push, pushed)


def _wire_form(
    workspace: Workspace, asked: _Asked, shown: _Shown, private: dict, quiet: dict
) -> None:
    inputs = [asked.dataset, *asked.place, *asked.fields]
    unready = [asked.start, asked.checked]
    asked.preset.input(form.of_preset, asked.preset, asked.fields, **quiet).then(
        form.changed, None, unready, **quiet
    )
    gr.on(
        [each.input for each in inputs if hasattr(each, "input")],
        form.changed, None, unready, **quiet,
    )  # fmt: skip
    asked.prices.click(form.machines, None, asked.place[1], **private)
    asked.check.click(
        bound(form.check, workspace), inputs,
        [asked.report, asked.checked, asked.start, asked.command], **private,
    )  # fmt: skip
    asked.start.click(
        bound(launched, workspace), [asked.checked, *inputs], shown.run, **private
    )  # fmt: skip
