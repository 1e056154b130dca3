"""Stage 7 in the page: choose a raga and a tala, press, listen; below, what was made so far."""

import secrets
import threading
from dataclasses import dataclass
from html import escape

import gradio as gr
import numpy as np

from core import theory
from core.errors import ModelError
from core.fields import IN_TALA, NOTES
from core.workspace import Workspace
from studio.access import is_owner, on_gpu
from studio.alerts import alerting, bound
from studio.editor.views import svara_text
from studio.gallery import GALLERY_PRESSES, gallery_html
from training import clips
from training.clips import Clip
from training.generate import Generator
from training.run_folder import MODEL
from training.wish import DEMO, FREE_TIME, GenerateConfig, Vocabulary, sruti_hz

SUNG = ("alapanai", "kriti", "neraval", "kalpanaswaram", "tani avartanam", "violin", "tanam")
PREFERRED = {"raga": "Mohanam", "tala": "Adi", "section": "kriti", "sruti": "D"}
SEED = 6  # its place in the form
KEPT_AT_ONCE = 12  # clips shown before "Show more"


class OneModel:
    """The model in memory, and who asked to stop: one for the whole page."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        self._lock = threading.Lock()
        self._generator = Generator(DEMO, workspace=workspace)
        self._stopping: set[str] = set()

    def generator(self, model: str) -> Generator:
        """The generator of `model`; another model takes the place of the last."""
        with self._lock:
            if self._generator.model != model:
                self._generator = Generator(model, workspace=self.workspace)
            return self._generator

    def begin(self, visitor: str) -> None:
        """Forget that this visitor stopped something earlier."""
        self._stopping.discard(visitor)

    def stop(self, visitor: str) -> None:
        """Let this visitor's clip end before it is whole."""
        self._stopping.add(visitor)

    def is_stopped(self, visitor: str) -> bool:
        """Whether this visitor wants no more of the clip that is being made."""
        return visitor in self._stopping


@dataclass(frozen=True)
class PlayTab:
    """What the rest of the page may use."""

    gallery: gr.HTML


def raga_choices() -> list[tuple[str, str]]:
    """Ragas as they are listed: those the demo model was taught first, then all others."""
    taught = set(_taught().ragas)
    listed = sorted(theory.ragas(), key=lambda raga: (raga.name not in taught, raga.name))
    return [
        (f"{raga.name} · taught" if raga.name in taught else raga.name, raga.name)
        for raga in listed
    ]


@alerting
def describe_raga(raga: str | None) -> str:
    """The raga's arohana and avarohana, and where it belongs."""
    if not raga:
        return ""
    known = theory.raga(raga)
    family = "a melakarta" if known.is_melakarta else f"janya of {known.parent}"
    scales = [" ".join(map(svara_text, scale)) for scale in (known.arohana, known.avarohana)]
    return f"**{known.name}**, {family} ({known.melakarta}) · {scales[0]} · {scales[1]}"


@alerting
def tala_for(section: str, tala: str | None) -> gr.Dropdown:
    """No tala for what is sung in free time; else the one chosen, or Adi."""
    if section in FREE_TIME:
        return gr.Dropdown(value=None, interactive=False, info="Sung in free time, without a tala.")
    info = "" if section in IN_TALA else "May be left out."
    return gr.Dropdown(value=tala or PREFERRED["tala"], interactive=True, info=info)


@alerting
@on_gpu
def play(
    one: OneModel,
    model: str,
    raga: str | None,
    tala: str | None,
    section: str,
    sruti: str,
    seconds: float,
    seed: float,
    steps: float,
    guidance: float,
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> tuple[tuple[int, np.ndarray], np.ndarray, str]:
    """Make a clip of Carnatic music by raga, tala and section, and keep it in the gallery.

    Returns the sound, its spectrogram, and what was asked for in words with the clip's id.
    """
    config = GenerateConfig(
        raga=None if section == "tani avartanam" else raga,
        tala=tala or None,
        section=section,
        tonic_hz=sruti_hz(sruti),
        seconds=seconds,
        seed=int(seed),
        steps=int(steps),
        guidance_scale=guidance,
        model=model,
    )
    visitor = request.session_hash or ""
    one.begin(visitor)
    clip = one.generator(model).generate(
        config,
        progress=lambda share, what: progress(share, desc=what),
        cancelled=lambda: one.is_stopped(visitor),
    )
    clip_id = clips.save(clip, one.workspace)
    return (clip.sr, (clip.y * 32767).astype(np.int16)), _picture(clip), _said(clip, clip_id)


@alerting
def shown(
    workspace: Workspace,
    raga: str | None,
    tala: str | None,
    section: str | None,
    n_clips: int,
    profile: gr.OAuthProfile | None,
) -> tuple[str, gr.Button]:
    """The newest clips that fit the filters, and whether there are more."""
    found = clips.clips(workspace, raga=raga, tala=tala, section=section)
    more = len(found) > n_clips
    return gallery_html(found[:n_clips], may_delete=is_owner(profile)), gr.Button(visible=more)


@alerting
def list_clips(
    workspace: Workspace, raga: str = "", tala: str = "", section: str = ""
) -> list[dict]:
    """The clips made so far, newest first, by raga, tala and section in any spelling."""
    found = clips.clips(workspace, raga=raga or None, tala=tala or None, section=section or None)
    return [
        {
            "id": each.id,
            "caption": each.prompt,
            "raga": each.config.raga,
            "tala": each.config.tala,
            "section": each.config.section,
            "seed": each.config.seed,
            "seconds": round(each.duration_s, 2),
        }
        for each in found[:200]
    ]


def choices(workspace: Workspace) -> tuple[gr.Dropdown, gr.Dropdown]:
    """The models and ragas there are now."""
    return gr.Dropdown(_models(workspace)), gr.Dropdown(raga_choices())


def give_up(one: OneModel, request: gr.Request) -> None:
    """Stop the clip that this visitor waits for."""
    one.stop(request.session_hash or "")


@alerting
def settings_of(workspace: Workspace, event: gr.EventData) -> tuple:
    """The settings of the clip whose button was pressed, back into the form."""
    config = clips.clip(workspace, event.clip_id).config
    form = (config.model, config.raga, config.tala, config.section, f"{config.tonic_hz:.2f} Hz")
    return *form, config.seconds, config.seed, False, config.steps, config.guidance_scale


@alerting
def remove(workspace: Workspace, profile: gr.OAuthProfile | None, event: gr.EventData) -> None:
    """Delete the clip whose button was pressed."""
    if is_owner(profile):
        clips.delete(workspace, event.clip_id)


def build_play_tab(page: gr.Blocks, workspace: Workspace) -> PlayTab:
    """Add the tab to the open `page`."""
    one = OneModel(workspace)
    with gr.Tab("Play", id="play") as tab:
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300, elem_classes="card"):
                form, new_seed, about, make, stop = _form()
            with gr.Column(scale=3, min_width=320):
                sound = gr.Audio(label="Clip", interactive=False, elem_id="play-sound")
                said = gr.Markdown(elem_id="play-said")
                picture = gr.Image(
                    label="Spectrogram", interactive=False, buttons=["fullscreen"], height=260
                )
        gr.Markdown("### Made so far")
        with gr.Row():
            filters = _filters()
        gallery = gr.HTML(js_on_load=GALLERY_PRESSES, apply_default_css=False, elem_id="gallery")
        more = gr.Button("Show more", visible=False)
        n_clips = gr.State(KEPT_AT_ONCE)
        gr.api(bound(list_clips, workspace), api_name="clips")

    model, raga, tala, section = form[:4]
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    look, see = bound(shown, workspace), ([*filters, n_clips], [gallery, more])
    seeded = make.click(_next_seed, [form[SEED], new_seed], form[SEED], **quiet, queue=False)
    made = seeded.then(
        bound(play, one), form, [sound, picture, said], api_name="generate", concurrency_limit=4
    )
    made.success(look, *see, **quiet)
    stop.click(bound(give_up, one), None, None, **quiet, queue=False)
    raga.change(describe_raga, raga, about, **quiet)
    section.input(tala_for, [section, tala], tala, **quiet)
    gr.on([tab.select, n_clips.change, *(each.input for each in filters)], look, *see, **quiet)
    more.click(lambda n: n + KEPT_AT_ONCE, n_clips, n_clips, **quiet)
    form_of_clip = [*form[: SEED + 1], new_seed, *form[SEED + 1 :]]
    gallery.again(bound(settings_of, workspace), None, form_of_clip, **quiet)
    gallery.remove(bound(remove, workspace), None, None, **quiet).then(look, *see, **quiet)
    gr.on([tab.select, page.load], bound(choices, workspace), None, [model, raga], **quiet)
    return PlayTab(gallery)


def _form() -> tuple:
    model = gr.Dropdown([("Demo model", DEMO)], value=DEMO, label="Model")
    raga = gr.Dropdown(
        raga_choices(), value=PREFERRED["raga"], label="Raga", elem_id="play-raga", filterable=True
    )
    about = gr.Markdown(describe_raga(PREFERRED["raga"]), elem_classes="hint")
    with gr.Row():
        tala = gr.Dropdown(_talas(), value=PREFERRED["tala"], label="Tala", elem_id="play-tala")
        section = gr.Dropdown(
            list(SUNG), value=PREFERRED["section"], label="Section", elem_id="play-section"
        )
    with gr.Row():
        sruti = gr.Dropdown(
            list(NOTES),
            value=PREFERRED["sruti"],
            label="Sruti",
            allow_custom_value=True,
            info="A note, kattai (2.5) or Hz (146.8).",
        )
        seconds = gr.Slider(5, 60, value=10, step=1, label="Seconds")
    with gr.Row():
        seed = gr.Number(1, precision=0, minimum=0, label="Seed", elem_id="play-seed")
        new_seed = gr.Checkbox(True, label="Another seed each time", elem_id="play-new-seed")
    with gr.Accordion("More", open=False):
        steps = gr.Slider(1, 100, value=20, step=1, label="Steps")
        guidance = gr.Slider(0, 15, value=4, step=0.5, label="Guidance")
    with gr.Row():
        make = gr.Button("Generate", variant="primary", scale=3, elem_id="play-generate")
        stop = gr.Button("Stop", scale=1, min_width=70)
    form = [model, raga, tala, section, sruti, seconds, seed, steps, guidance]
    return form, new_seed, about, make, stop


def _filters() -> list[gr.Dropdown]:
    ragas = [raga.name for raga in theory.ragas()]
    return [
        gr.Dropdown([("Any raga", ""), *ragas], value="", label="Raga", elem_id="gallery-raga"),
        gr.Dropdown([("Any tala", ""), *_talas()], value="", label="Tala", elem_id="gallery-tala"),
        gr.Dropdown([("Any section", ""), *SUNG], value="", label="Section"),
    ]


def _talas() -> list[tuple[str, str]]:
    return [
        (f"{tala.name} · {'+'.join(map(str, tala.angas))}", tala.name) for tala in theory.talas()
    ]


def _taught() -> Vocabulary:
    try:
        return Generator(DEMO).taught.vocabulary
    except ModelError:
        return Vocabulary()  # no demo model yet: any raga may be chosen, none is marked


def _models(workspace: Workspace) -> list[tuple[str, str]]:
    """The demo model, and what was trained here, newest first."""
    trained = sorted(workspace.runs().glob(f"*/{MODEL}/model_index.json"), reverse=True)
    own = [(index.parent.parent.name, str(index.parent)) for index in trained]
    return [("Demo model", DEMO), *own]


def _next_seed(seed: float, new_seed: bool) -> int:
    return secrets.randbelow(1_000_000) if new_seed else int(seed or 0)


def _picture(clip: Clip) -> np.ndarray:
    from studio.plots import coloured

    return coloured(clip.image, clip.codec)


def _said(clip: Clip, clip_id: str) -> str:
    notes = "".join(f"\n\n*{note}*" for note in clip.notes)
    return f"**{escape(clip.prompt)}** · seed {clip.config.seed} · `{clip_id}`{notes}"
