"""Stage 7 in the page: choose a raga and a tala, press, listen; below, what was made so far."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from core.workspace import Workspace
from studio.alerts import alerting, bound
from studio.clip_view import PLAYER, clip_html
from studio.compare import build_compare
from studio.gallery import Gallery, build_gallery
from studio.one_model import OneModel
from studio.play_form import Form, build_form
from studio.playing import OF_CLIP, generate
from training import clips
from training.wish import FREE_TIME, sruti_in_words

# What comes to the panel in the place of the clip that stands there now.
PLAY_NEXT = """(...all) => {
  window.studioPlaysAfter = document.querySelector('#play-clip .clip')?.dataset.clip ?? 'none';
  return all;
}"""


@dataclass(frozen=True)
class PlayTab:
    """What the rest of the page may use."""

    gallery: gr.HTML


@alerting
def list_clips(
    workspace: Workspace, raga: str = "", tala: str = "", section: str = ""
) -> list[dict]:
    """The clips made so far, newest first, by raga, tala and section in any spelling.

    Args:
        raga: only these; empty for any.
        tala: only these; empty for any.
        section: only these; empty for any.

    Returns:
        For each clip its id, caption, raga, tala, section, seed, length, score and where its sound
        is fetched.
    """
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
            "adherence": each.scores.get("adherence"),
            "sound": f"/gradio_api/studio/clips/{each.id}/sound",
        }
        for each in found[:200]
    ]


def give_up(one: OneModel, request: gr.Request) -> None:
    """Stop the clip that this visitor waits for."""
    one.stop(request.session_hash or "")


@alerting
def claimed(workspace: Workspace, details: dict | None, token: str | None) -> tuple[str, dict]:
    """The panel of the clip just made, now its maker's own."""
    clips.claim(workspace, details["id"], token)
    return clip_html(workspace, details["id"]), details


@alerting
def form_of(workspace: Workspace, event: gr.EventData) -> list:
    """The settings of the clip whose button was pressed, back into the form, and no new seed."""
    return [*_form_values(clips.clip(workspace, event.clip_id)), False]


@alerting
def form_of_file(path: str) -> list:
    """The settings of a clip's file, back into the form, and no new seed."""
    return [*_form_values(clips.read(Path(path))), False]


def _form_values(saved: clips.SavedClip) -> list:
    config = saved.config
    begin = config.use if config.source else "new"
    source = config.source or ""
    if saved.source_picture.is_file():
        source = f"{OF_CLIP}{saved.id}"
    free = config.section in FREE_TIME
    return [
        config.raga,
        gr.update(value=config.tala, interactive=not free),
        config.section,
        config.instrument or "",
        sruti_in_words(config.tonic_hz),
        config.tempo or "",
        config.seconds,
        config.seed,
        1,
        config.model,
        config.prompt or "",
        config.negative_prompt,
        config.steps,
        config.guidance_scale,
        config.tala_guide,
        config.raga_guidance,
        config.lora or "",
        config.lora_strength,
        begin,
        source,
        None,
        "",
        config.strength,
        config.loop,
        config.to_raga or "",
        config.to_prompt or "",
    ]


def begin_from(use: str, event: gr.EventData) -> tuple[str, str, dict]:
    """Begin from the clip whose button was pressed, and show where that is said."""
    return use, event.clip_id, gr.update(open=True)


def first_clip(workspace: Workspace) -> str:
    """What stands in the panel as the page opens: the newest clip, of those shipped if no other."""
    found = clips.clips(workspace)
    return clip_html(workspace, found[0].id if found else None)


def build_play_tab(page: gr.Blocks, workspace: Workspace) -> PlayTab:
    """Add the tab to the open `page`."""
    one = OneModel(workspace)
    with gr.Tab("Play", id="play") as tab:
        token = gr.BrowserState(None, storage_key="studio-visitor", secret="kept by the browser")
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300, elem_classes="card"):
                form, controls = build_form(workspace)
                settings = gr.UploadButton(
                    "Settings from a clip's .json", file_types=[".json"], size="sm"
                )
            with gr.Column(scale=3, min_width=320):
                panel = gr.HTML(
                    js_on_load=PLAYER,
                    apply_default_css=False,
                    elem_id="play-clip",
                )
                sound = gr.Audio(visible=False, label="Sound")
                details = gr.JSON(visible=False, label="Clip")
        gallery = build_gallery(page, tab, workspace, token)
        build_compare(workspace, one, form, gallery, token)
        gr.api(bound(list_clips, workspace), api_name="clips")
    _wire(page, one, form, controls, panel, sound, details, gallery, settings, token)
    return PlayTab(gallery.cards)


def _wire(
    page, one, form: Form, controls, panel, sound, details, gallery: Gallery, settings, token
):
    workspace = one.workspace
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    seeded = controls.make.click(
        _next_seed, [form.seed, controls.new_seed], form.seed, **quiet, queue=False
    )
    made = seeded.then(
        bound(generate, one),
        form.inputs,
        [sound, details],
        api_name="generate",
        concurrency_limit=4,
        show_progress_on=panel,
    )
    shown = made.success(
        bound(claimed, workspace),
        [details, token],
        [panel, details],
        js=PLAY_NEXT,
        **quiet,
    )
    shown.then(gallery.look, gallery.asked, gallery.shown, **quiet)
    controls.stop.click(bound(give_up, one), None, None, **quiet, queue=False)
    page.unload(bound(give_up, one))
    page.load(_token, token, token, **quiet)
    page.load(bound(first_clip, workspace), None, panel, **quiet)
    whole = [*form.inputs, controls.new_seed]
    for shows in (panel, gallery.cards):
        shows.again(bound(form_of, workspace), None, whole, **quiet)
    settings.upload(form_of_file, settings, whole, **quiet)
    begun = [form.begin, form.source, controls.beginnings]
    panel.vary(bound(begin_from, "vary"), None, begun, **quiet)
    panel.extend(bound(begin_from, "continue"), None, begun, **quiet)
    gallery.cards.open(bound(_opened, workspace), None, panel, js=PLAY_NEXT, **quiet)


@alerting
def _opened(workspace: Workspace, event: gr.EventData) -> str:
    return clip_html(workspace, event.clip_id)


def _token(kept: str | None) -> str:
    return kept or secrets.token_urlsafe(16)


def _next_seed(seed: float, new_seed: bool) -> int:
    return secrets.randbelow(1_000_000) if new_seed else int(seed or 0)
