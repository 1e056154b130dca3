"""The form of the Play tab: what can be asked for, and what is said about it while one chooses."""

from dataclasses import dataclass, fields

import gradio as gr

from core import theory
from core.fields import IN_TALA, NOTES
from core.workspace import Workspace
from studio.alerts import alerting, bound
from studio.raga_list import (
    describe_raga,
    find_ragas,
    known_ragas,
    raga_choices,
    settle_raga,
    tala_choices,
)
from training.adapting import WEIGHTS
from training.choosing import MAX_CANDIDATES
from training.run_folder import MODEL
from training.wish import (
    DEMO,
    FREE_TIME,
    MAX_RAGA_GUIDANCE,
    PLAYED,
    TEMPI,
    GenerateConfig,
)

SUNG = ("alapanai", "kriti", "neraval", "kalpanaswaram", "tani avartanam", "violin", "tanam")
# What the model was taught most often, in the words it was taught with.
PREFERRED = {"raga": "Mohanam", "tala": "Adi", "section": "kriti", "sruti": "D"}
PREFERRED |= {"instrument": "voice", "tempo": "medium"}
LEADS = ("voice", "violin")
# What is typed takes the place of the raga that stands there.
SELECT = "() => { setTimeout(() => document.querySelector('#play-raga input')?.select(), 50); }"
BEGINNINGS = [("From nothing", "new"), ("Vary a clip", "vary"), ("Go on from its end", "continue")]
SRUTIS = [
    f"{n} kattai" for n in ("1", "1.5", "2", "2.5", "3", "4", "4.5", "5", "5.5", "6", "6.5", "7")
]


@dataclass(frozen=True)
class Form:
    """Every input of the form, in the order in which `play_tab.play` takes them."""

    raga: gr.Dropdown
    tala: gr.Dropdown
    section: gr.Dropdown
    instrument: gr.Dropdown
    sruti: gr.Dropdown
    tempo: gr.Dropdown
    seconds: gr.Slider
    seed: gr.Number
    candidates: gr.Slider
    model: gr.Dropdown
    prompt: gr.Textbox
    negative_prompt: gr.Textbox
    steps: gr.Slider
    guidance: gr.Slider
    tala_guide: gr.Slider
    raga_guidance: gr.Slider
    lora: gr.Dropdown
    lora_strength: gr.Slider
    begin: gr.Radio
    source: gr.Textbox
    recording: gr.Audio
    recording_sruti: gr.Textbox
    strength: gr.Slider
    loop: gr.Checkbox
    to_raga: gr.Dropdown
    to_prompt: gr.Textbox

    @property
    def inputs(self) -> list[gr.components.Component]:
        """All of them."""
        return [getattr(self, each.name) for each in fields(self)]


@dataclass(frozen=True)
class Controls:
    """What stands about the form and is not asked for."""

    new_seed: gr.Checkbox
    make: gr.Button
    stop: gr.Button
    beginnings: gr.Accordion  # opens when a clip is chosen to begin from


def build_form(workspace: Workspace) -> tuple[Form, Controls]:
    """Lay the form out in the open column."""
    raga = gr.Dropdown(
        raga_choices(DEMO),
        value=PREFERRED["raga"],
        label="Raga",
        info="In any spelling.",
        elem_id="play-raga",
        allow_custom_value=True,
        num_choices_shown=None,
    )
    about = gr.Markdown(describe_raga(PREFERRED["raga"]), elem_classes="hint", elem_id="play-about")
    metre, sound = _metre(), _sound()
    with gr.Row():
        make = gr.Button("Generate", variant="primary", scale=3, elem_id="play-generate")
        stop = gr.Button("Stop", scale=1, min_width=70, elem_id="play-stop")
    words, begin, turn, model = _words(), _begin(), _turn(), _model(workspace)
    beginnings = begin.pop("beginnings")
    seconds, seed, new_seed = sound.pop("seconds"), sound.pop("seed"), sound.pop("new_seed")
    form = Form(
        raga=raga, seconds=seconds, seed=seed, **metre, **sound, **words, **begin, **turn, **model
    )
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    raga.focus(None, js=SELECT, **quiet)
    raga.key_up(find_ragas, form.model, raga, **quiet, trigger_mode="multiple")
    gr.on([raga.change, raga.blur], settle_raga, [raga, form.model], [raga, about], **quiet)
    form.section.change(
        for_section,
        [form.section, form.tala, form.tempo],
        [form.tala, form.tempo, form.instrument],
        **quiet,
    )
    form.model.change(known_ragas, [form.model, raga], raga, **quiet)
    gr.on(
        [form.raga.focus],
        bound(_models_and_loras, workspace),
        None,
        [form.model, form.lora],
        **quiet,
    )
    return form, Controls(new_seed, make, stop, beginnings)


def _metre() -> dict:
    with gr.Row():
        section = gr.Dropdown(
            list(SUNG), value=PREFERRED["section"], label="Section", elem_id="play-section"
        )
        tala = gr.Dropdown(
            [("Any", ""), *tala_choices()],
            value=PREFERRED["tala"],
            label="Tala",
            elem_id="play-tala",
        )
    with gr.Row():
        instrument = gr.Dropdown(
            [("Any", ""), *((each.capitalize(), each) for each in LEADS)],
            value=PREFERRED["instrument"],
            label="Lead",
            elem_id="play-lead",
        )
        tempo = gr.Dropdown(
            [("Any", ""), *((each.capitalize(), each) for each in TEMPI)],
            value=PREFERRED["tempo"],
            label="Tempo",
            elem_id="play-tempo",
        )
    return {"section": section, "tala": tala, "instrument": instrument, "tempo": tempo}


def _sound() -> dict:
    with gr.Row():
        sruti = gr.Dropdown(
            [*NOTES, *SRUTIS],
            value=PREFERRED["sruti"],
            label="Sruti",
            allow_custom_value=True,
            info="A note, kattai (2.5) or Hz (146.8).",
            elem_id="play-sruti",
        )
        seconds = gr.Slider(5, 60, value=10, step=1, label="Seconds", elem_id="play-seconds")
    with gr.Row():
        seed = gr.Number(1, precision=0, minimum=0, label="Seed", elem_id="play-seed")
        new_seed = gr.Checkbox(True, label="Another seed each time", elem_id="play-new-seed")
    return {"sruti": sruti, "seconds": seconds, "seed": seed, "new_seed": new_seed}


def _words() -> dict:
    with gr.Accordion("Words of your own", open=False):
        prompt = gr.Textbox(
            "",
            label="Prompt",
            placeholder="instead of the caption made from the choices above",
            max_length=1000,
            elem_id="play-prompt",
        )
        negative = gr.Textbox(
            "",
            label="Not wanted",
            placeholder="mridangam",
            max_length=1000,
            elem_id="play-negative",
        )
    return {"prompt": prompt, "negative_prompt": negative}


def _begin() -> dict:
    with gr.Accordion("Begin from a clip or a recording", open=False) as beginnings:
        begin = gr.Radio(BEGINNINGS, value="new", label="Begin", elem_id="play-begin")
        source = gr.Textbox(
            "",
            label="Clip",
            placeholder="press Vary or Continue below a clip",
            elem_id="play-source",
        )
        recording = gr.Audio(
            label="Or a recording (its first minute)",
            sources=["upload", "microphone"],
            type="filepath",
            elem_id="play-recording",
        )
        with gr.Row():
            own_sruti = gr.Textbox(
                "",
                label="Sruti of the recording",
                placeholder="as above; or: D, 2.5, 141 Hz, heard",
            )
            strength = gr.Slider(
                0.05,
                1,
                value=0.6,
                step=0.05,
                label="How far to go from it",
                elem_id="play-strength",
            )
    return {
        "beginnings": beginnings,
        "begin": begin,
        "source": source,
        "recording": recording,
        "recording_sruti": own_sruti,
        "strength": strength,
    }


def _turn() -> dict:
    with gr.Accordion("Go over to another raga, or round and round", open=False):
        to_raga = gr.Dropdown(
            [("Stay in the raga", ""), *(each.name for each in theory.ragas())],
            value="",
            label="By the end, in raga",
            allow_custom_value=True,
            elem_id="play-to-raga",
        )
        to_prompt = gr.Textbox("", label="Or by the end, in these words", max_length=1000)
        loop = gr.Checkbox(
            False, label="Loop: its end leads into its beginning", elem_id="play-loop"
        )
    return {"to_raga": to_raga, "to_prompt": to_prompt, "loop": loop}


def _model(workspace: Workspace) -> dict:
    with gr.Accordion("Model and effort", open=False):
        model = gr.Dropdown(
            model_choices(workspace),
            value=DEMO,
            label="Model",
            allow_custom_value=True,
            elem_id="play-model",
        )
        candidates = gr.Slider(
            1,
            MAX_CANDIDATES,
            value=1,
            step=1,
            label="Candidates",
            info="So many are made; the one that keeps to its raga best is kept.",
            elem_id="play-candidates",
        )
        with gr.Row():
            steps = gr.Slider(
                1, 100, value=GenerateConfig.steps, step=1, label="Steps", elem_id="play-steps"
            )
            guidance = gr.Slider(
                0, 15, value=GenerateConfig.guidance_scale, step=0.5, label="Guidance"
            )
        guides = _guides()
        loras = _lora(workspace)
    return {
        "model": model,
        "candidates": candidates,
        "steps": steps,
        "guidance": guidance,
        **guides,
        **loras,
    }


def _guides() -> dict:
    tala_guide = gr.Slider(
        0,
        1,
        value=GenerateConfig.tala_guide,
        step=0.05,
        label="Tala guide",
        info="How long a mridangam in the tala leads; 0 leaves the rhythm to the model.",
        elem_id="play-tala-guide",
    )
    raga_guidance = gr.Slider(
        0,
        MAX_RAGA_GUIDANCE,
        value=GenerateConfig.raga_guidance,
        step=1,
        label="Raga guide",
        info="How strongly a raga head, if the model has one, pulls to the raga's svaras.",
        elem_id="play-raga-guide",
    )
    return {"tala_guide": tala_guide, "raga_guidance": raga_guidance}


def _lora(workspace: Workspace) -> dict:
    with gr.Row():
        lora = gr.Dropdown(lora_choices(workspace), value="", label="LoRA", allow_custom_value=True)
        strength = gr.Slider(0, 2, value=1, step=0.1, label="LoRA's strength")
    return {"lora": lora, "lora_strength": strength}


def model_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """The demo model, and what was trained here, newest first."""
    trained = sorted(workspace.runs().glob(f"*/{MODEL}/model_index.json"), reverse=True)
    own = [(index.parent.parent.name, str(index.parent)) for index in trained]
    return [("Demo model", DEMO), *own]


def lora_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """The LoRAs that were trained here, newest first."""
    trained = sorted(workspace.runs().glob(f"*/lora/{WEIGHTS}"), reverse=True)
    return [("None", ""), *((each.parent.parent.name, str(each.parent)) for each in trained)]


def _models_and_loras(workspace: Workspace) -> tuple[gr.Dropdown, gr.Dropdown]:
    return gr.Dropdown(model_choices(workspace)), gr.Dropdown(lora_choices(workspace))


@alerting
def for_section(section: str, tala: str | None, tempo: str | None) -> tuple[dict, dict, dict]:
    """Tala and tempo only where the section has them; the lead only where one may choose."""
    lead = gr.update(interactive=section not in PLAYED)
    if section in FREE_TIME:
        free = gr.update(value=None, interactive=False, info="Sung in free time, without a tala.")
        return free, gr.update(value="", interactive=False), lead
    info = "" if section in IN_TALA else "May be left out."
    timed = gr.update(value=tala or PREFERRED["tala"], interactive=True, info=info)
    return timed, gr.update(value=tempo or PREFERRED["tempo"], interactive=True), lead
