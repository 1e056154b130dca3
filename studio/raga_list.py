"""Ragas and talas as the page lists them: found in any spelling, those a model knows marked."""

from pathlib import Path

import gradio as gr

from core import raga_words, theory
from core.errors import ModelError, TheoryError
from core.spelling import fold, plain
from core.theory import Raga
from studio.access import on_space
from studio.alerts import alerting
from studio.editor.views import svara_text
from training.generate import Generator
from training.loading import taught
from training.wish import DEMO, Vocabulary, nearest_raga

FOUND = 40  # ragas listed while one types


def tala_choices() -> list[tuple[str, str]]:
    """Every tala with its angas and aksharas."""
    return [(_tala_label(each), each.name) for each in theory.talas()]


def _tala_label(tala: theory.Tala) -> str:
    parts = f": {'+'.join(map(str, tala.angas))}" if len(tala.angas) > 1 else ""
    return f"{tala.name} · {tala.aksharas:g} aksharas{parts}"


def raga_choices(model: str, among: tuple[Raga, ...] | None = None, typed: str = "") -> list[tuple]:
    """Ragas as they are listed: those the model knows first and marked.

    A list shows only what holds the typed letters, so a raga found by another spelling says it.
    """
    known = set(_known(model).ragas)
    listed = sorted(among or theory.ragas(), key=lambda raga: (raga.name not in known, raga.name))
    return [(_raga_label(raga, raga.name in known, typed), raga.name) for raga in listed]


def _raga_label(raga: Raga, is_known: bool, typed: str) -> str:
    label = f"{raga.name} · the model knows it" if is_known else raga.name
    return label if typed.lower() in label.lower() else f"{label} ({typed})"


def _known(model: str) -> Vocabulary:
    try:
        return Generator(model).taught.vocabulary if model == DEMO else _of_run(model)
    except ModelError:
        return Vocabulary()  # any raga may be chosen, none is marked


def _of_run(model: str) -> Vocabulary:
    folder = Path(model)
    if on_space() or not folder.is_dir():  # a visitor names no folder there; and nothing is fetched
        return Vocabulary()
    return taught(folder).vocabulary


def find_ragas(model: str, typed: gr.KeyUpData) -> gr.Dropdown:
    """The ragas that what is typed may stand for, in any spelling."""
    text = (typed.input_value or "")[:60]
    wanted = [form for form in (plain(text), fold(text)) if form]
    if not wanted:
        return gr.Dropdown(choices=raga_choices(model))
    found = [raga for raga in theory.ragas() if _answers(raga, wanted)]
    found = found or _similar(text)
    return gr.Dropdown(
        choices=raga_choices(model, tuple(found[:FOUND]), text.strip()) if found else []
    )


def _answers(raga: Raga, wanted: list[str]) -> bool:
    spellings = (raga.name, *raga.aliases)
    return any(
        part in form(name) for name in spellings for form in (plain, fold) for part in wanted
    )


def _similar(text: str) -> list[Raga]:
    try:
        return [theory.raga(text)]
    except TheoryError:
        return []


@alerting
def settle_raga(raga: str | None, model: str) -> tuple[gr.Dropdown, str]:
    """The raga by its displayed name, and what is known of it; an unknown one is said, not lost."""
    if not raga:
        return gr.Dropdown(choices=raga_choices(model)), ""
    try:
        known = theory.raga(raga)
    except TheoryError as error:
        return gr.skip(), f"**{error}**"
    return gr.Dropdown(choices=raga_choices(model), value=known.name), describe_raga(raga, model)


def known_ragas(model: str, raga: str | None) -> gr.Dropdown:
    """The list of ragas, those that this model knows marked."""
    return gr.Dropdown(choices=raga_choices(model), value=raga)


def describe_raga(raga: str, model: str = DEMO) -> str:
    """The raga's arohana and avarohana, a line about it, and whether the model knows it."""
    known, learned = theory.raga(raga), _known(model).ragas
    scales = [" ".join(map(svara_text, scale)) for scale in (known.arohana, known.avarohana)]
    said = f"**{known.name}** ↗ {scales[0]} ↘ {scales[1]}  \n{raga_words.in_a_line(known)}"
    if learned and known.name not in learned:
        near = nearest_raga(known.name, learned)
        said += f"  \n*The model was not taught it; the nearest it knows by scale is {near}.*"
    return said
