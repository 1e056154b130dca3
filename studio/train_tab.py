"""Stage 6 in the page: launch a fine-tuning run with one press, and watch it from any page.

A run is a process of its own and its folder is the whole truth: the page only reads it, so it may
be closed, reloaded or opened twice, and the studio may be restarted, while the run goes on.
"""

from dataclasses import dataclass
from html import escape

import gradio as gr

from core.errors import DatasetError, RunError
from core.workspace import Workspace
from studio.access import is_owner, permit
from studio.alerts import alerting, bound
from training import jobs
from training.config import FinetuneConfig
from training.run_folder import MODEL, Sample, Status
from training.wish import DEMO

POLL_S = 2.0
LOG_TAIL = 6000  # characters
RIFFUSION = "riffusion/riffusion-model-v1"

PRESETS = {
    "Listen in minutes": {
        "base": DEMO, "max_steps": 100, "batch_size": 4, "learning_rate": 1e-4,
        "validate_every": 25, "sample_every": 50, "save_every": 50,
    },
    "Fine-tune the demo model": {
        "base": DEMO, "max_steps": 2000, "batch_size": 8, "learning_rate": 1e-4,
    },
    "LoRA on Riffusion (GPU)": {
        "base": RIFFUSION, "max_steps": 2000, "batch_size": 1, "learning_rate": 1e-4,
        "lora_rank": 16, "gradient_accumulation": 4,
    },
    "Full fine-tune of Riffusion (GPU)": {
        "base": RIFFUSION, "max_steps": 15000, "batch_size": 1, "learning_rate": 1e-5,
        "gradient_accumulation": 4, "gradient_checkpointing": True,
    },
}  # fmt: skip
FIRST = next(iter(PRESETS))

# Tells Python which of the run's buttons was pressed.
_PRESSES = """
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-do]');
  if (pressed) trigger('press', {run_id: pressed.dataset.run, what: pressed.dataset.do});
});
"""
_BUTTONS = {"stop": "Stop", "save": "Save now", "sample": "Sample now", "resume": "Resume"}


@dataclass(frozen=True)
class TrainTab:
    """What the rest of the page may use."""

    run: gr.Dropdown


def dataset_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """Exported datasets that are complete, the newest first."""
    whole = workspace.datasets().glob("[!.]*/manifest.json")
    newest = sorted(whole, key=lambda manifest: manifest.stat().st_mtime, reverse=True)
    return [(manifest.parent.name, manifest.parent.name) for manifest in newest]


def base_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """The demo model, what was trained here, and well-known bases of the Hub."""
    own = sorted(workspace.runs().glob(f"*/{MODEL}/model_index.json"), reverse=True)
    trained = [(index.parent.parent.name, str(index.parent)) for index in own]
    hub = [RIFFUSION, "stable-diffusion-v1-5/stable-diffusion-v1-5"]
    return [("Demo model", DEMO), *trained, *((name, name) for name in hub)]


@alerting
def offer(workspace: Workspace, dataset: str | None, run_id: str | None) -> tuple:
    """The datasets, bases and runs there are now; what is chosen stays if it is still there."""
    datasets, runs = dataset_choices(workspace), run_choices(workspace)
    return (
        gr.Dropdown(datasets, value=_kept(dataset, datasets)),
        gr.Dropdown(base_choices(workspace)),
        gr.Dropdown(runs, value=_kept(run_id, runs)),
    )


def run_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """Every run, the newest first, with its state."""
    return [(f"{run.run_id} · {run.state}", run.run_id) for run in jobs.runs(workspace)]


def _kept(chosen: str | None, choices: list[tuple[str, str]]) -> str | None:
    names = [name for _, name in choices]
    return chosen if chosen in names else next(iter(names), None)


def of_preset(name: str) -> tuple[str, int, int, float]:
    """The base, steps, batch size and learning rate a preset stands for."""
    preset = PRESETS[name]
    return preset["base"], preset["max_steps"], preset["batch_size"], preset["learning_rate"]


@alerting
def launch(
    workspace: Workspace,
    dataset: str | None,
    preset: str,
    base: str,
    max_steps: float,
    batch_size: float,
    learning_rate: float,
    profile: gr.OAuthProfile | None,
) -> tuple[gr.Dropdown, str]:
    """Put a run in the queue and show it; the command that does the same elsewhere is said."""
    permit("train", profile)
    if not dataset:
        raise DatasetError("No dataset yet. Export one in the Captions tab, then launch.")
    settings = {
        **PRESETS[preset],
        "base": base,
        "max_steps": int(max_steps),
        "batch_size": int(batch_size),
        "learning_rate": learning_rate,
    }
    config = FinetuneConfig(dataset=workspace.dataset(dataset), **settings)
    run_id = jobs.launch(workspace, config, name=dataset)
    words = ["python", *jobs.order(workspace, run_id).argv[1:]]
    said = "The same on another machine:\n```\n" + " ".join(words) + "\n```"
    return gr.Dropdown(run_choices(workspace), value=run_id), said


@alerting
def watch(
    workspace: Workspace, run_id: str | None, profile: gr.OAuthProfile | None
) -> tuple[str, list | None, str, str]:
    """Where the run stands: its state and buttons, losses, sample clips and the end of its log."""
    jobs.advance(workspace)
    if not run_id:
        return '<p class="notice">No run yet. Choose a dataset and press Launch.</p>', None, "", ""
    try:
        found = jobs.status(workspace, run_id)
    except RunError:  # deleted meanwhile, here or in another page
        return '<p class="notice">This run is gone. Choose another.</p>', None, "", ""
    text, _ = jobs.log(workspace, run_id)
    return (
        status_html(found, is_owner(profile)),
        loss_rows(jobs.metrics(workspace, run_id)),
        samples_html(workspace, run_id),
        text[-LOG_TAIL:],
    )


def status_html(run: Status, may_steer: bool) -> str:
    """State, progress, speed and time left, with the buttons that fit."""
    share = 100 * run.step / run.max_steps if run.max_steps else 0
    facts = [f"step {run.step} of {run.max_steps or '?'}"]
    if run.steps_per_s:
        facts.append(f"{run.steps_per_s:.2f} steps/s")
    if run.seconds_left is not None and not run.has_ended:
        facts.append(f"{_minutes(run.seconds_left)} left")
    wishes = ("stop", "save", "sample") if run.state in jobs.LIVE else ()
    wishes = ("stop",) if run.state == "queued" else wishes
    wishes = ("resume",) if run.state in ("stopped", "failed") else wishes
    buttons = "".join(
        f'<button type="button" data-do="{each}" data-run="{escape(run.run_id)}">'
        f"{_BUTTONS[each]}</button>"
        for each in (wishes if may_steer else ())
    )
    bad = " bad" if run.state == "failed" else ""
    return (
        f'<div class="run{bad}" role="status"><p><b class="badge">{run.state}</b> '
        f"{' · '.join(facts)}</p>"
        f'<div class="share" role="progressbar" aria-valuenow="{share:.0f}" aria-label="Progress">'
        f'<i class="approved" style="width:{share:.1f}%"></i></div>'
        f"<p>{escape(run.message)}</p><nav>{buttons}</nav></div>"
    )


def loss_rows(metrics: list[dict]):
    """Losses by step as the plot wants them, at most about 500 points of each."""
    import pandas as pd

    every = max(1, len(metrics) // 500)
    rows = [(row["step"], row["loss"], "training") for row in metrics[::every] if "loss" in row]
    rows += [
        (row["step"], row["validation_loss"], "held out")
        for row in metrics
        if row.get("validation_loss") is not None
    ]
    return pd.DataFrame(rows, columns=["step", "loss", "of"])


def samples_html(workspace: Workspace, run_id: str) -> str:
    """The sounds made on the way, the newest step first."""
    found = sorted(jobs.samples(workspace, run_id), key=lambda each: each.step, reverse=True)
    where = f"/gradio_api/studio/runs/{escape(run_id)}/samples"
    cards = [
        f'<li class="card"><b>Step {each.step}</b><small>{escape(_asked(each))}</small>'
        f'<audio controls preload="none" src="{where}/{escape(each.path.name)}"></audio></li>'
        for each in found
    ]
    return f'<ul class="gallery">{"".join(cards)}</ul>' if cards else ""


@alerting
def press(workspace: Workspace, profile: gr.OAuthProfile | None, event: gr.EventData) -> None:
    """Do what one of the run's buttons says."""
    permit("train", profile)
    acts = {
        "stop": jobs.stop,
        "save": jobs.save_now,
        "sample": jobs.sample_now,
        "resume": jobs.resume,
    }
    if said := acts[event.what](workspace, event.run_id):
        gr.Info(said)


def build_train_tab(page: gr.Blocks, workspace: Workspace) -> TrainTab:
    """Add the tab to the open `page`."""
    with gr.Tab("Train", id="train") as tab, gr.Row(equal_height=False):
        timer = gr.Timer(POLL_S)
        with gr.Column(scale=2, min_width=300, elem_classes="card"):
            form, start, said = _form()
        with gr.Column(scale=3, min_width=320):
            run = gr.Dropdown([], label="Run", elem_id="train-run")
            state = gr.HTML(js_on_load=_PRESSES, apply_default_css=False, elem_id="train-state")
            plot = gr.LinePlot(x="step", y="loss", color="of", height=240, elem_id="train-loss")
            samples = gr.HTML(apply_default_css=False, elem_id="train-samples")
            with gr.Accordion("Log", open=False):
                log = gr.Textbox(
                    lines=14, max_lines=14, show_label=False, autoscroll=True, elem_id="train-log"
                )

    private = {"api_visibility": "private"}
    quiet = {**private, "show_progress": "hidden", "queue": False}
    dataset, preset, *numbers = form
    start.click(bound(launch, workspace), form, [run, said], **private)
    preset.input(of_preset, preset, numbers, **quiet)
    gr.on([page.load, tab.select], bound(offer, workspace), [dataset, run],
          [dataset, numbers[0], run], **quiet)  # fmt: skip
    look = bound(watch, workspace), run, [state, plot, samples, log]
    gr.on([timer.tick, run.change], *look, **quiet)
    state.press(bound(press, workspace), None, None, **quiet).then(*look, **quiet)
    return TrainTab(run)


def _form() -> tuple:
    gr.Markdown("### Fine-tune")
    dataset = gr.Dropdown([], label="Dataset", elem_id="train-dataset")
    preset = gr.Radio(list(PRESETS), value=FIRST, label="Preset")
    base, max_steps, batch_size, learning_rate = of_preset(FIRST)
    with gr.Accordion("Settings", open=False):
        base_model = gr.Dropdown(
            [("Demo model", DEMO)], value=base, label="Start from", allow_custom_value=True,
            info="A model trained here, a pipeline folder or a Hugging Face id.",
        )  # fmt: skip
        steps = gr.Number(max_steps, precision=0, minimum=1, label="Steps", elem_id="train-steps")
        batch = gr.Number(batch_size, precision=0, minimum=1, label="Batch size")
        rate = gr.Number(learning_rate, label="Learning rate")
    start = gr.Button("Launch", variant="primary", elem_id="train-launch")
    said = gr.Markdown(elem_id="train-said")
    return [dataset, preset, base_model, steps, batch, rate], start, said


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _asked(sample: Sample) -> str:
    return str(sample.about.get("prompt", ""))
