"""Stage 6, the form: every setting of a run, presets, the report before the launch, the launch.

The fields are those of `FinetuneConfig`, with its own words for help: a new setting is in the page
as soon as it is in the command.
"""

import ast
import dataclasses
import inspect
import json
import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import gradio as gr

from core.errors import DatasetError, RunError
from core.workspace import Workspace
from studio.access import permit
from studio.alerts import alerting
from studio.train_views import command_text, report_html
from training import jobs
from training.config import FinetuneConfig
from training.devices import chosen
from training.hf_jobs import at_most, flavors, hours
from training.preflight import preflight
from training.run_folder import HERE, MODEL, Place
from training.wish import DEMO

RIFFUSION = "riffusion/riffusion-model-v1"
STABLE = "stable-diffusion-v1-5/stable-diffusion-v1-5"

# The demo model was taught without min-SNR weighting, which all but skips the noise in which a raga
# is decided; it is taught on as it was, with a raga head, which then guides what is played. In a
# hundred steps a head learns nothing worth its time.
PRESETS: dict[str, dict[str, Any]] = {
    "Listen in minutes": {
        "max_steps": 100, "batch_size": 4, "validate_every": 25, "sample_every": 50,
        "save_every": 50, "snr_gamma": None,
    },
    "Fine-tune the demo model": {"max_steps": 2000, "snr_gamma": None, "raga_loss": "joint"},
    "LoRA on Riffusion (GPU)": {
        "base": RIFFUSION, "max_steps": 2000, "batch_size": 1, "lora_rank": 16,
        "gradient_accumulation": 4,
    },
    "Full fine-tune of Riffusion (GPU)": {
        "base": RIFFUSION, "max_steps": 15000, "batch_size": 1, "learning_rate": 1e-5,
        "gradient_accumulation": 4, "gradient_checkpointing": True,
    },
}  # fmt: skip
FIRST = next(iter(PRESETS))

MAIN = ("base", "max_steps", "batch_size", "learning_rate")
LABELS = {
    "base": "Start from", "max_steps": "Steps", "compile": "torch.compile", "tf32": "TF32",
    "lr_schedule": "Learning-rate schedule", "snr_gamma": "Min-SNR gamma", "ema_decay": "EMA decay",
    "lora_rank": "LoRA rank", "lora_alpha": "LoRA alpha", "lora_dropout": "LoRA dropout",
    "lora_dora": "DoRA", "lora_targets": "LoRA targets",
}  # fmt: skip
HEADINGS = {  # of what follows from a setting on
    "gradient_accumulation": "Learning", "prediction": "The loss", "raga_loss": "The raga",
    "train_text_encoder": "Words and LoRA", "mixed_precision": "The machine",
    "validate_every": "Watching and saving",
}  # fmt: skip
NOT_ASKED = ("dataset", "output", "resume", "raga_recognizer")  # files of the machine, or given
UNREADY = "Check first: the button lives once these settings were tried."


@cache
def settings() -> tuple[str, ...]:
    """The settings the form asks for, the main ones first."""
    names = [each.name for each in dataclasses.fields(FinetuneConfig)]
    return MAIN + tuple(name for name in names if name not in (*MAIN, *NOT_ASKED))


@cache
def explained() -> dict[str, str]:
    """What each setting means, from the text that follows it in `FinetuneConfig`."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(FinetuneConfig))).body
    words: dict[str, str] = {}
    for said, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(said, ast.AnnAssign) and isinstance(after, ast.Expr):
            words[said.target.id] = inspect.cleandoc(ast.literal_eval(after.value))
    return words


def field(name: str, bases: Sequence[tuple[str, str]]) -> gr.components.Component:
    """The component that asks for one setting."""
    kind, default = get_type_hints(FinetuneConfig)[name], _default(name)
    about = {
        "label": LABELS.get(name, name.replace("_", " ").capitalize()),
        "info": explained().get(name),
        "elem_id": f"train-{name.replace('_', '-')}",
    }
    optional = type(None) in get_args(kind)
    kind = next(iter(get_args(kind))) if optional else kind
    if name == "base":
        return gr.Dropdown(list(bases), value=default, allow_custom_value=True, **about)
    if kind is bool:
        return gr.Checkbox(default, **about)
    if get_origin(kind) is Literal:
        known = [(each.replace("_", " "), each) for each in get_args(kind)]
        choices = [("as the base does", ""), *known] if optional else known
        default = default or ""
        return gr.Dropdown(choices, value=default, **about)
    if kind in (int, float):
        return gr.Number(default, precision=0 if kind is int else None, **about)
    return gr.Textbox(_shown(default), lines=2, placeholder="one a line", **about)


def _default(name: str) -> Any:
    return FinetuneConfig.__dataclass_fields__[name].default


def _shown(value: Any) -> Any:
    return "\n".join(value) if isinstance(value, tuple) else value


def fields(names: Sequence[str], bases: Sequence[tuple[str, str]]) -> list:
    """The components that ask for these settings, under their headings."""
    made = []
    for name in names:
        if name in HEADINGS:
            gr.Markdown(f"#### {HEADINGS[name]}")
        made.append(field(name, bases))
    return made


def values_of(config: FinetuneConfig) -> list:
    """The form's values that stand for these settings."""
    said = {name: getattr(config, name) for name in settings()}
    return [_shown(value) for value in (said | {"prediction": said["prediction"] or ""}).values()]


def of_preset(name: str) -> list:
    """The form's values that a preset stands for."""
    return values_of(FinetuneConfig(Path(), **PRESETS[name]))


def config_of(workspace: Workspace, dataset: str | None, values: Sequence) -> FinetuneConfig:
    """The settings that the form says."""
    if not dataset:
        raise DatasetError("No dataset yet. Export one in the Captions tab, then come back.")
    hints = get_type_hints(FinetuneConfig)
    given = {}
    for name, value in zip(settings(), values, strict=True):
        if isinstance(_default(name), tuple):
            value = tuple(line.strip() for line in (value or "").splitlines() if line.strip())
        elif type(None) in get_args(hints[name]):
            value = value or None  # an empty field comes as 0 or ""
        elif value is None:
            value = _default(name)
        given[name] = value
    return FinetuneConfig(dataset=workspace.dataset(dataset), **given)


N_PLACE = 5  # kind, flavor, timeout, bucket, GPUs


def place_of(kind: str, flavor: str | None, timeout: str | None, bucket: str | None) -> Place:
    """Where the form says the run is to live."""
    if kind == "local":
        return HERE
    if not flavor or not bucket:
        raise RunError(
            "Name a machine and a bucket of yours (user/name), or train on this machine."
        )
    hours(timeout or "")
    return Place("hf-jobs", flavor, timeout, bucket.strip())


@alerting
def machines(profile: gr.OAuthProfile | None) -> gr.Dropdown:
    """What Hugging Face Jobs offers now, with prices."""
    permit("train", profile)
    found = flavors()
    return gr.Dropdown([(str(each), each.name) for each in found], value=found[0].name)


def where(
    kind: str, flavor: str | None, timeout: str | None, bucket: str | None, on: str | None
) -> tuple[Place, tuple[str, ...]]:
    """The place that the form says, and which GPUs of this machine."""
    place = place_of(kind, flavor, timeout, bucket)
    return place, chosen(on) if place == HERE else ()


def key_of(config: FinetuneConfig, place: Place, devices: Sequence[str] = ()) -> str:
    """What tells these settings from any other: only what was checked may be launched."""
    said = [dataclasses.asdict(config), dataclasses.asdict(place), list(devices)]
    return json.dumps(said, default=str)


@alerting
def check(
    workspace: Workspace,
    profile: gr.OAuthProfile | None,
    dataset: str | None,
    *values: Any,
) -> tuple[str, str, gr.Button, str]:
    """The report, what it is about, the button if all is well, and the command."""
    permit("train", profile)
    place, devices = where(*values[:N_PLACE])
    config = config_of(workspace, dataset, values[N_PLACE:])
    found = preflight(config, with_probe=place == HERE)
    costs = "" if place == HERE else _costs(place)
    ready = gr.Button(interactive=not found.problems)
    report = report_html(found, config, costs)
    return report, key_of(config, place, devices), ready, command_text(config, devices)


def _costs(place: Place) -> str:
    price = {each.name: each.usd_per_hour for each in flavors()}
    if place.flavor not in price:
        raise RunError(f"{place.flavor!r} is no machine that is offered: {', '.join(price)}.")
    return at_most(place, price[place.flavor])


def changed() -> tuple[gr.Button, str]:
    """Settings that nobody tried yet are not launched."""
    return gr.Button(interactive=False), ""


@alerting
def launch(
    workspace: Workspace,
    profile: gr.OAuthProfile | None,
    checked: str,
    dataset: str | None,
    *values: Any,
) -> str:
    """Put a run in the queue; returns its id."""
    permit("train", profile)
    place, devices = where(*values[:N_PLACE])
    config = config_of(workspace, dataset, values[N_PLACE:])
    if checked != key_of(config, place, devices):
        raise RunError(UNREADY)
    return jobs.launch(workspace, config, name=dataset, place=place, devices=devices)


def dataset_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """Exported datasets that are complete, the newest first."""
    whole = workspace.datasets().glob("[!.]*/manifest.json")
    newest = sorted(whole, key=lambda manifest: manifest.stat().st_mtime, reverse=True)
    return [(manifest.parent.name, manifest.parent.name) for manifest in newest]


def base_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """The demo model, what was trained here, and well-known bases of the Hub."""
    own = sorted(workspace.runs().glob(f"*/{MODEL}/model_index.json"), reverse=True)
    trained = [(index.parent.parent.name, str(index.parent)) for index in own]
    return [("Demo model", DEMO), *trained, *((name, name) for name in (RIFFUSION, STABLE))]
