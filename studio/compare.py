"""Two models on the same prompts and seeds, side by side: which one does the ear prefer?"""

from collections.abc import Callable
from dataclasses import replace
from html import escape

import gradio as gr

from core.workspace import Workspace
from studio.alerts import alerting, bound
from studio.clip_view import CLIPS
from studio.gallery import Gallery
from studio.one_model import OneModel, check_allowed
from studio.play_form import Form, model_choices
from training import clips
from training.clips import SavedClip
from training.ear import listened
from training.wish import DEMO, FREE_TIME, GenerateConfig, sruti_hz

MOST_SEEDS = 4


@alerting
def compared(
    one: OneModel,
    first: str,
    second: str,
    n_seeds: float,
    raga: str | None,
    tala: str | None,
    section: str,
    instrument: str,
    sruti: str,
    tempo: str,
    seconds: float,
    seed: float,
    token: str | None,
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> str:
    """Make the form's clip with both models from each of so many seeds, one model after the other.

    Returns the table of both.
    """
    config = _config(raga, tala, section, instrument, sruti, tempo, seconds)
    seeds = [int(seed) + n for n in range(int(min(max(n_seeds, 1), MOST_SEEDS)))]
    wanted = [(model, each) for model in (first, second) for each in seeds]
    visitor = request.session_hash or ""
    one.begin(visitor)
    try:
        made = [
            _made(
                one,
                replace(config, model=model, seed=each),
                token,
                _part(progress, n, wanted),
                visitor,
            )
            for n, (model, each) in enumerate(wanted)
        ]
    finally:
        one.end(visitor)
    return table([made[: len(seeds)], made[len(seeds) :]], (first, second))


def _config(raga, tala, section, instrument, sruti, tempo, seconds) -> GenerateConfig:
    return GenerateConfig(
        raga=None if section == "tani avartanam" else raga or None,
        tala=tala or None,
        section=section,
        instrument=instrument or None,
        tempo=None if section in FREE_TIME else tempo or None,
        tonic_hz=sruti_hz(sruti),
        seconds=seconds,
    )


def _part(progress: gr.Progress, n: int, wanted: list) -> Callable[[float, str], None]:
    def tell(share: float, what: str) -> None:
        progress((n + share) / len(wanted), desc=f"{what}, {n + 1} of {len(wanted)}")

    return tell


def _made(one: OneModel, config: GenerateConfig, token, progress, visitor: str) -> SavedClip:
    check_allowed(one.workspace, config.model, "")
    clip = one.generator(config.model).generate(config, progress, lambda: one.is_stopped(visitor))
    scores = listened(clip.y, clip.sr, clip.config).scores
    saved = clips.save(clip, one.workspace, scores, clips.maker_of(token))
    return clips.clip(one.workspace, saved)


def table(made: list[list[SavedClip]], models: tuple[str, str]) -> str:
    """A row for each seed, a column for each model, and their means."""
    heads = "".join(f"<th scope='col'>{escape(_named(model))}{_mean(of)}</th>"
                    for model, of in zip(models, made, strict=True))  # fmt: skip
    rows = "".join(
        f"<tr>{''.join(f'<td>{_cell(each)}</td>' for each in pair)}</tr>"
        for pair in zip(*made, strict=True)
    )
    return f'<table class="compared"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _named(model: str) -> str:
    return "Demo model" if model == DEMO else model.removesuffix("/model").rsplit("/", 1)[-1]


def _mean(of: list[SavedClip]) -> str:
    scores = [each.scores["adherence"] for each in of if "adherence" in each.scores]
    if not scores:
        return ""
    return f"<small>raga {sum(scores) / len(scores):.0f} on average</small>"


def _cell(saved: SavedClip) -> str:
    name, score = escape(saved.id), saved.scores.get("adherence")
    judged = f" · raga {score:.0f}" if score is not None else ""
    return (
        f'<img loading="lazy" alt="Spectrogram" src="{CLIPS}/{name}/thumbnail">'
        f'<audio controls preload="none" src="{CLIPS}/{name}/sound"></audio>'
        f"<small>seed {saved.config.seed}{judged}</small>"
    )


def build_compare(
    workspace: Workspace, one: OneModel, form: Form, gallery: Gallery, token: gr.BrowserState
) -> None:
    """Add the comparison below the gallery."""
    with gr.Accordion("Compare two models", open=False, elem_id="compare"):
        gr.Markdown(
            "The same choices as in the form above and the same seeds, from the form's on.",
            elem_classes="hint",
        )
        with gr.Row():
            listed = model_choices(workspace)
            first = gr.Dropdown(listed, value=DEMO, label="One model", allow_custom_value=True)
            second = gr.Dropdown(
                listed, value=listed[-1][1], label="Another model", allow_custom_value=True
            )
            n_seeds = gr.Slider(1, MOST_SEEDS, value=2, step=1, label="Clips of each")
        go = gr.Button("Compare", elem_id="compare-go")
        result = gr.HTML(apply_default_css=False, elem_id="compared")
    asked = [form.raga, form.tala, form.section, form.instrument, form.sruti, form.tempo]
    quiet = {"api_visibility": "private"}
    made = go.click(
        bound(compared, one),
        [first, second, n_seeds, *asked, form.seconds, form.seed, token],
        result,
        concurrency_limit=1,
        **quiet,
    )
    made.success(gallery.look, gallery.asked, gallery.shown, show_progress="hidden", **quiet)
    form.model.change(
        lambda: (gr.Dropdown(model_choices(workspace)),) * 2,
        None,
        [first, second],
        show_progress="hidden",
        **quiet,
    )
