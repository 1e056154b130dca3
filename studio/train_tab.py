"""Stage 6 in the page: launch a fine-tuning run and watch it.

A run is a process of its own. Everything here reads its folder by short plain functions, so a page
that is closed, reloaded or opened by someone else changes nothing and shows the same.
"""

from html import escape
from pathlib import Path

import gradio as gr

from core.errors import DatasetError
from core.workspace import Workspace
from studio.access import is_owner, permit
from studio.alerts import alerting, bound
from studio.editor.routes import PREFIX
from studio.plots import HELD_OUT, LOSS, SMOOTHED, loss_curve
from training import jobs
from training.config import FinetuneConfig
from training.run_folder import SAMPLES, Sample, Status, last_lines

POLL_S = 2.0
LOG_LINES = 14
SAMPLES_SHOWN = 8
LENGTHS = [
    ("A taste: 50 steps", 50),
    ("Short: 500 steps", 500),
    ("Usual: 2,000 steps", 2000),
    ("Long: 10,000 steps", 10_000),
]
SIGNS = {
    "queued": "waiting",
    "running": "running",
    "stopping": "stopping",
    "stopped": "stopped",
    "done": "done",
    "failed": "failed",
}


def datasets(workspace: Workspace) -> list[str]:
    """The exported datasets that are complete, newest first."""
    found = sorted(
        workspace.datasets().glob("[!.]*/manifest.json"), key=lambda path: -path.stat().st_mtime
    )
    return [path.parent.name for path in found]


def run_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """The runs, newest first, each with where it stands."""
    jobs.advance(workspace)
    return [(f"{run.run_id} ({SIGNS[run.state]})", run.run_id) for run in jobs.runs(workspace)]


@alerting
def launch(
    workspace: Workspace,
    dataset: str | None,
    base: str,
    steps: int,
    profile: gr.OAuthProfile | None,
) -> tuple:
    """Start a run on a dataset and show it."""
    permit("train", profile)
    if not dataset:
        raise DatasetError("No dataset yet. Export one in the Captions tab, then choose it here.")
    steps = int(steps)
    config = FinetuneConfig(
        dataset=workspace.dataset(dataset),
        base=base.strip() or FinetuneConfig.base,
        max_steps=steps,
        batch_size=4 if steps <= 50 else FinetuneConfig.batch_size,
        warmup_steps=min(FinetuneConfig.warmup_steps, steps // 10),
        sample_every=max(25, steps // 8),
        save_every=max(25, steps // 4),
        validate_every=max(25, steps // 20),
    )
    run_id = jobs.launch(workspace, config)
    return gr.Dropdown(run_choices(workspace), value=run_id), *watched(workspace, run_id)


@alerting
def watched(workspace: Workspace, run_id: str | None) -> tuple:
    """Where a run stands: status, curve, log, samples, and whether it can be stopped or resumed."""
    if not run_id:
        nothing = '<p class="notice">No run yet. Choose a dataset and press Launch.</p>'
        return nothing, loss_curve([]), "", "", gr.Button(visible=False), gr.Button(visible=False)
    status = jobs.status(workspace, run_id)
    return (
        status_html(status),
        loss_curve(jobs.metrics(workspace, run_id)),
        last_lines(workspace.run(run_id), LOG_LINES),
        samples_html(workspace, run_id),
        gr.Button(visible=not status.has_ended),
        gr.Button(visible=status.state in ("stopped", "failed")),
    )


@alerting
def polled(workspace: Workspace, run_id: str | None) -> tuple:
    """The same, on each tick; and start whatever waits for its turn."""
    names = run_choices(workspace)
    ids = [each for _, each in names]
    shown = run_id if run_id in ids else next(iter(ids), None)
    return gr.Dropdown(names, value=shown), *watched(workspace, shown)


@alerting
def stop(workspace: Workspace, run_id: str | None, profile: gr.OAuthProfile | None) -> None:
    """Ask the run to save and stop."""
    permit("train", profile)
    if run_id:
        gr.Info(jobs.stop(workspace, run_id), title="Stopping")


@alerting
def resume(workspace: Workspace, run_id: str | None, profile: gr.OAuthProfile | None) -> None:
    """Let a stopped run go on from its last checkpoint."""
    permit("train", profile)
    if run_id:
        jobs.resume(workspace, run_id)


@alerting
def entered(
    workspace: Workspace, dataset: str | None, run_id: str | None, profile: gr.OAuthProfile | None
) -> tuple:
    """The datasets and runs there are now, and whether this visitor may launch."""
    names = datasets(workspace)
    chosen = dataset if dataset in names else next(iter(names), None)
    may = is_owner(profile)
    return gr.Dropdown(names, value=chosen), gr.Button(interactive=may), *polled(workspace, run_id)


def build_train_tab(workspace: Workspace) -> None:
    """Add the tab to the open `gr.Blocks`."""
    with gr.Tab("Train", id="train") as tab:
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=290, elem_classes="card"):
                gr.Markdown("### Fine-tune a model")
                dataset = gr.Dropdown([], label="Dataset", elem_id="train-dataset")
                base = gr.Textbox(
                    "demo",
                    label="Begin with",
                    info="demo, a pipeline folder, a finished run's model/, or a Hugging Face id.",
                )
                steps = gr.Dropdown(LENGTHS, value=50, label="Length", elem_id="train-steps")
                go = gr.Button("Launch", variant="primary", elem_id="train-launch")
            with gr.Column(scale=5, min_width=320, elem_classes="card"):
                run = gr.Dropdown([], label="Run", elem_id="train-run")
                status = gr.HTML(elem_id="train-status", apply_default_css=False)
                with gr.Row():
                    halt = gr.Button("Stop and save", visible=False, elem_id="train-stop")
                    again = gr.Button("Resume", visible=False, elem_id="train-resume")
                curve = gr.LinePlot(
                    x="step",
                    y="loss",
                    color="curve",
                    color_map={LOSS: "#d2c9bb", SMOOTHED: "#1f6866", HELD_OUT: "#d48a17"},
                    title="Loss",
                    height=240,
                )
                sounds = gr.HTML(elem_id="train-samples", apply_default_css=False)
                with gr.Accordion("Log", open=False):
                    log = gr.Textbox(
                        lines=LOG_LINES, max_lines=LOG_LINES, show_label=False, container=False,
                        elem_classes="log", autoscroll=True,
                    )
        timer = gr.Timer(POLL_S)

    shown = [status, curve, log, sounds, halt, again]
    private = {"api_visibility": "private"}
    quiet = {**private, "show_progress": "hidden", "queue": False}
    go.click(bound(launch, workspace), [dataset, base, steps], [run, *shown], **private)
    run.input(bound(watched, workspace), run, shown, **quiet)
    timer.tick(bound(polled, workspace), run, [run, *shown], **quiet)
    halt.click(bound(stop, workspace), run, None, **private)
    again.click(bound(resume, workspace), run, None, **private)
    tab.select(bound(entered, workspace), [dataset, run], [dataset, go, run, *shown], **quiet)


def status_html(status: Status) -> str:
    """Where a run stands, in words and as a bar."""
    done = status.step / status.max_steps if status.max_steps else 0.0
    facts = [
        f"step {status.step:,} of {status.max_steps:,}" if status.max_steps else None,
        f"{status.steps_per_s:.2g} steps a second" if status.steps_per_s else None,
        f"{_duration(status.seconds_left)} left" if status.seconds_left else None,
    ]
    words = " · ".join(fact for fact in facts if fact)
    return (
        f'<div class="run {status.state}"><p><b>{SIGNS[status.state]}</b> <span>{words}</span></p>'
        f'<div class="bar" role="progressbar" aria-label="Training" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{round(100 * done)}">'
        f'<i style="width:{100 * done:.1f}%"></i></div><pre>{escape(status.message)}</pre></div>'
    )


def samples_html(workspace: Workspace, run_id: str) -> str:
    """The latest sample clips as players."""
    latest = jobs.samples(workspace, run_id)[::-1][:SAMPLES_SHOWN]
    if not latest:
        return ""
    folder = workspace.run(run_id) / SAMPLES
    players = "".join(_player(run_id, folder, sample) for sample in latest)
    return f'<h4>What it sings on the way</h4><ul class="sounds">{players}</ul>'


def _player(run_id: str, folder: Path, sample: Sample) -> str:
    where = f"{PREFIX}/runs/{run_id}/samples/{sample.path.relative_to(folder).as_posix()}"
    asked = escape(str(sample.about.get("prompt", sample.path.stem)))
    return (
        f"<li><small>step {sample.step:,}</small> {asked}"
        f'<audio controls preload="none" src="{escape(where)}" aria-label="{asked}"></audio></li>'
    )


def _duration(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {s} s" if minutes else f"{s} s"
