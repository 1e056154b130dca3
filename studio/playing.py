"""What Generate does, for the page and for its API alike."""

import secrets
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np

from core.errors import StudioError
from core.spectrogram import read_image
from studio.access import on_gpu
from studio.alerts import alerting
from studio.one_model import OneModel, check_allowed
from training import clips
from training.choosing import best_of
from training.ear import in_words, listened
from training.generate import Generator
from training.sources import heard_tonic_hz, picture_of_file
from training.wish import DEMO, FREE_TIME, GenerateConfig, sruti_hz

OF_CLIP = "source of "  # a clip's own beginning, said in the form when its settings are used again


@alerting
@on_gpu
def generate(
    one: OneModel,
    raga: str | None = "Mohanam",
    tala: str | None = "Adi",
    section: str = "kriti",
    instrument: str = "voice",
    sruti: str = "D",
    tempo: str = "medium",
    seconds: float = 10,
    seed: float = 1,
    candidates: float = 1,
    model: str = DEMO,
    prompt: str = "",
    negative_prompt: str = "",
    steps: float = GenerateConfig.steps,
    guidance: float = GenerateConfig.guidance_scale,
    tala_guide: float = GenerateConfig.tala_guide,
    raga_guidance: float = GenerateConfig.raga_guidance,
    lora: str = "",
    lora_strength: float = 1,
    begin: str = "new",
    source: str = "",
    recording: str | None = None,
    recording_sruti: str = "",
    strength: float = 0.6,
    loop: bool = False,
    to_raga: str = "",
    to_prompt: str = "",
    request: gr.Request = None,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> tuple[tuple[int, np.ndarray], dict]:
    """Make a clip of Carnatic music by raga, tala and section, and keep it in the gallery.

    Args:
        raga: in any spelling, such as Mohanam or Shankarabharanam; an unknown one is suggested.
        tala: in any spelling; none for what is sung in free time.
        section: alapanai, kriti, neraval, kalpanaswaram, tani avartanam, violin or tanam.
        instrument: what leads, voice or violin; empty leaves it to the model.
        sruti: the tonic as a note (C#), in kattai (2.5) or in Hz (146.8).
        tempo: slow, medium or fast; empty leaves it to the model.
        seconds: length of the clip, 5 to 60.
        seed: another seed, another clip; the same one makes the same clip again.
        candidates: so many are made and the one that keeps to its raga best is kept.
        model: demo, or the folder of a model that was trained here.
        prompt: any words, instead of those made from raga, tala and section.
        negative_prompt: what is not wanted, in words.
        steps: denoising steps; more are slower and finer.
        guidance: how strictly the words are followed.
        tala_guide: how much of the way a mridangam in the tala leads; 0 leaves it to the model.
        raga_guidance: how strongly the model's raga head, if any, pulls to the raga; 0 not at all.
        lora: the folder of a LoRA that was trained here; empty for none.
        lora_strength: how much of it, 0 none.
        begin: new, vary (make the source anew) or continue (go on from its end).
        source: the id of the clip to begin from.
        recording: a sound file to begin from, instead of a clip.
        recording_sruti: the recording's own tonic, or "heard"; empty if it is the clip's.
        strength: how far a variation goes from its source, 0 to 1.
        loop: let the end lead back into the beginning.
        to_raga: go over to this raga by the end.
        to_prompt: go over to these words by the end.

    Returns:
        The sound, and what it is: id, caption, seed, settings, and how it keeps to its raga.
    """
    asked = {**locals()}
    one, request, progress = (asked.pop(name) for name in ("one", "request", "progress"))
    check_allowed(one.workspace, model, lora)
    begun = (begin, recording, (recording_sruti or "").strip())
    return _made(one, _config(asked), int(candidates), begun, request, progress)


def _config(asked: dict) -> GenerateConfig:
    """The settings that the form's values come to; what is empty is not said."""
    of_form = ("sruti", "candidates", "guidance", "begin", "recording", "recording_sruti")
    values = {name: value for name, value in asked.items() if name not in of_form}
    empty = ("raga", "tala", "instrument", "tempo", "prompt", "lora", "to_raga", "to_prompt")
    values |= {name: values[name] or None for name in empty}
    begins = asked["begin"] != "new"
    values |= {
        "raga": None if asked["section"] == "tani avartanam" else values["raga"],
        "tonic_hz": sruti_hz(asked["sruti"]),
        "seed": int(asked["seed"]),
        "steps": int(asked["steps"]),
        "guidance_scale": asked["guidance"],
        "tempo": None if asked["section"] in FREE_TIME else asked["tempo"] or None,
        "negative_prompt": asked["negative_prompt"] or "",
        "source": (asked["source"] or "").strip() or None if begins else None,
        "use": "continue" if asked["begin"] == "continue" else "vary",
    }
    return GenerateConfig(**values)


def _made(one: OneModel, config: GenerateConfig, n: int, begun, request, progress) -> tuple:
    visitor = (request.session_hash if request else None) or secrets.token_hex(8)
    generator = one.generator(config.model)
    config, source = _beginning(generator, config, *begun)
    one.begin(visitor)
    try:
        clip = best_of(
            generator,
            config,
            n,
            progress=lambda share, what: progress(share, desc=what),
            cancelled=lambda: one.is_stopped(visitor),
            source=source,
        )
    finally:
        one.end(visitor)
    ear = listened(clip.y, clip.sr, clip.config)
    clip_id = clips.save(clip, one.workspace, ear.scores)
    details = {
        "id": clip_id,
        "caption": clip.prompt,
        "seed": clip.config.seed,
        "verdict": in_words(ear.scores, clip.config.raga),
        "scores": ear.scores,
        "notes": list(clip.notes),
        "seconds": round(len(clip.y) / clip.sr, 2),
    }
    return (clip.sr, (clip.y * 32767).astype(np.int16)), details


def _beginning(generator: Generator, config: GenerateConfig, begin: str, recording, own_sruti: str):
    """What the clip begins from: a config that names it, and its picture if it is no saved clip."""
    if begin == "new":
        return config, None
    codec = generator.taught.codec_at(config.tonic_hz)
    if (config.source or "").startswith(OF_CLIP):
        saved = clips.clip(generator.workspace, config.source.removeprefix(OF_CLIP))
        if not saved.source_picture.is_file():
            raise StudioError(f"Clip {saved.id} began from nothing. Choose another to begin from.")
        return config, read_image(saved.source_picture)[0]
    if config.source:
        return config, None
    if not recording:
        raise StudioError("Choose a clip (press Vary or Continue below it) or give a recording.")
    path = Path(recording)
    if own_sruti == "heard":
        tonic_hz = heard_tonic_hz(path)
    else:
        tonic_hz = sruti_hz(own_sruti) if own_sruti else None
    return replace(config, source=f"recording {path.name[:80]}"), picture_of_file(
        path, codec, tonic_hz
    )
