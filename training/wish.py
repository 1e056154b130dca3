"""Stage 7: what a listener asks for, made sure of and put in the words the model was taught.

A `GenerateConfig` is resolved once, at the border: names become the displayed ones, what cannot be
is refused, what the model may do badly is said (`notes`). No torch here: a page may ask early.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal

from core.caption import describe, say, templates
from core.errors import StudioError, TheoryError
from core.fields import IN_TALA, MELODIC, NOTES
from core.records import TONIC_RANGE_HZ
from core.theory import Raga
from core.theory import raga as raga_called
from core.theory import section as section_called
from core.theory import tala as tala_called

DEMO = "demo"  # the model that is shipped, wherever the project lies
MIN_SECONDS, MAX_SECONDS = 5.0, 60.0
MAX_STEPS = 200
MAX_RAGA_GUIDANCE = 40.0
MAX_PROMPT = 1000  # characters; models read far fewer
MAX_SEED = 2**63 - 1
FREE_TIME = ("alapanai", "tanam", "viruttam")  # sung without a tala
TEMPI = ("slow", "medium", "fast")  # as captions say it
PLAYED = {"violin": "violin", "tani avartanam": "mridangam"}  # whatever leads the rest
KATTAI = {"1": 0, "2": 2, "3": 4, "4": 5, "5": 7, "6": 9, "7": 11}  # semitones above C
KATTAI |= {"1.5": 1, "2.5": 3, "4.5": 6, "5.5": 8, "6.5": 10}
C3_HZ = 440.0 * 2 ** (-21 / 12)


@dataclass(frozen=True)
class GenerateConfig:
    """Every setting a clip depends on; the same one makes the same clip again."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    raga: str | None = None
    """In any spelling; none for percussion, applause or a free prompt."""
    tala: str | None = None
    """In any spelling; none for what is sung in free time."""
    section: str = "alapanai"
    """alapanai, tanam, kriti, neraval, kalpanaswaram, tani avartanam, violin ..."""
    instrument: str | None = None
    """What leads: voice, violin ...; left to the model if not given."""
    tempo: str | None = None
    """slow, medium or fast, where the section has a tala."""
    tonic_hz: float = 146.83
    """The sruti: Sa in Hz (D3, two kattai, if not given)."""
    seconds: float = 10.0
    """Length of the clip, 5 to 60."""
    seed: int = 0
    """Another seed, another clip."""
    steps: int = 20
    """Denoising steps: more are slower and finer."""
    guidance_scale: float = 4.0
    """How strictly the words are followed; 1 does not insist on them."""
    negative_prompt: str = ""
    """What is not wanted, in words."""
    tala_guide: float = 0.9
    """How much of the way a mridangam in the tala leads the drawing; 0 leaves the rhythm to the
    model. Not where there is no tala, where words of your own are given, or with a source."""
    raga_guidance: float = 10.0
    """How strongly the raga head, if the model was trained with one, pulls the early steps to the
    raga; 0 leaves it to the words. Not where words of your own are given."""
    prompt: str | None = None
    """Any words, instead of those made from raga, tala and section."""
    model: str = DEMO
    """demo, a pipeline folder, or a Hugging Face model id."""
    threads: int | None = None
    """Processor threads to draw with, all if not given: sums come out otherwise with another
    number, so the clip's own config says how many there were."""
    lora: str | None = None
    """A LoRA to lay over the model: a .safetensors file, its folder, or a Hugging Face id."""
    lora_strength: float = 1.0
    """How much of it; 0 is none."""
    loop: bool = False
    """Let the end lead back into the beginning."""
    to_raga: str | None = None
    """Go over to this raga by the end of the clip."""
    to_prompt: str | None = None
    """Go over to these words by the end of the clip."""
    source: str | None = None
    """A saved clip's id or an audio file to begin from."""
    use: Literal["vary", "continue"] = "vary"
    """Make the source anew, or go on from its end."""
    strength: float = 0.6
    """How far a variation goes from its source: 0 stays, 1 forgets it."""

    def __post_init__(self):
        _within("seconds", self.seconds, MIN_SECONDS, MAX_SECONDS)
        _within("steps", self.steps, 1, MAX_STEPS)
        _within("guidance_scale", self.guidance_scale, 0, 50)
        _within("tonic_hz", self.tonic_hz, *TONIC_RANGE_HZ)
        _within("seed", self.seed, 0, MAX_SEED)
        _within("strength", self.strength, 0.01, 1)
        _within("tala_guide", self.tala_guide, 0, 1)
        _within("raga_guidance", self.raga_guidance, 0, MAX_RAGA_GUIDANCE)
        _within("threads", self.threads or 1, 1, 1024)
        _within("lora_strength", self.lora_strength, -4, 4)
        if self.loop and self.source and self.use == "continue":
            raise StudioError("A loop has no end to begin from: vary the clip, or do not loop.")
        if self.tempo and self.tempo not in TEMPI:
            raise StudioError(f"{self.tempo!r} is no tempo. Choose {', '.join(TEMPI)}, or none.")
        for name in ("prompt", "negative_prompt", "to_prompt"):
            if len(getattr(self, name) or "") > MAX_PROMPT:
                raise StudioError(f"The {name} is over {MAX_PROMPT} characters. Say it shorter.")


@dataclass(frozen=True)
class Vocabulary:
    """What a model was taught, and in which words; empty tuples where nobody wrote it down."""

    ragas: tuple[str, ...] = ()
    talas: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    template: str = "rich"

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Vocabulary":
        """From a model's codec.json; what is not there is not known."""
        names = {key: tuple(said.get(key) or ()) for key in ("ragas", "talas", "sections")}
        return cls(**names, template=said.get("template") or "rich")


VOCABULARY_KEYS = tuple(each.name for each in fields(Vocabulary))


@dataclass(frozen=True)
class Wish:
    """A config with every name resolved, the prompt it comes to, and what the listener should
    know before judging the clip."""

    config: GenerateConfig
    prompt: str
    morph_to: str | None = None  # the words at the end, if they are not those at the start
    notes: tuple[str, ...] = ()

    @property
    def is_led(self) -> bool:
        """Whether a mridangam in the tala leads the drawing (`training.tala_guide`)."""
        config = self.config
        free = not config.tala or config.section not in IN_TALA or _plain(config.prompt)
        return config.tala_guide > 0 and not free

    def aim(self, place: float) -> str | None:
        """The raga that a raga head may pull to at a place of the clip, 0 its start, 1 its end."""
        config = self.config
        goes_over = bool(self.morph_to) and place >= 0.5
        words = config.to_prompt if goes_over else config.prompt
        if config.section not in MELODIC or _plain(words):
            return None
        return config.to_raga if goes_over else config.raga


def resolve(config: GenerateConfig, vocabulary: Vocabulary | None = None) -> Wish:
    """Settle names and words; `TheoryError` or `StudioError` for what is unknown or cannot be."""
    vocabulary = vocabulary or Vocabulary()
    config = replace(
        config,
        section=section_called(config.section),
        raga=raga_called(config.raga).name if config.raga else None,
        to_raga=raga_called(config.to_raga).name if config.to_raga else None,
        tala=tala_called(config.tala).name if config.tala else None,
    )
    said = _plain(config.prompt)
    if not said:
        _refuse_metre_in_free_time(config)
    made = said or _words(config, config.raga, vocabulary)
    last = _plain(config.to_prompt)
    if config.to_raga and not last:
        last = _words(config, config.to_raga, vocabulary)
    return Wish(config, made, last or None, () if said else tuple(_notes(config, vocabulary)))


def _plain(text: str | None) -> str:
    return " ".join((text or "").split())


def _words(config: GenerateConfig, raga: str | None, vocabulary: Vocabulary) -> str:
    known = describe(
        raga,
        config.tala,
        config.section,
        config.tonic_hz,
        instrument=PLAYED.get(config.section, config.instrument),
        tempo=config.tempo,
    )
    return say(known, vocabulary.template)


def _refuse_metre_in_free_time(config: GenerateConfig) -> None:
    for what, name in (("tala", config.tala), ("tempo", config.tempo)):
        if name and config.section in FREE_TIME:
            article = "An" if config.section[0] in "aeiou" else "A"
            raise StudioError(
                f"{article} {config.section} is sung in free time, without a {what}: leave {name} "
                f"out, or choose a section that has one ({', '.join(sorted(IN_TALA))})."
            )


def says(vocabulary: Vocabulary, section: str, field: str) -> bool:
    """Whether the captions a model was taught with say `field` (tempo, lead ...) of a section."""
    template = templates(vocabulary.template).get(section)
    return template is not None and field in template.fields


def nearest_raga(name: str, taught: tuple[str, ...]) -> str | None:
    """Of the ragas taught, the one whose scale is nearest to that of the raga called `name`.

    By the share of keys in common, then by the share of steps its arohana and avarohana share.
    """
    wanted, known = raga_called(name), []
    for other in taught:
        try:
            known.append(raga_called(other))
        except TheoryError:
            continue  # a model may be taught ragas the tables do not have
    return max(known, key=lambda other: _likeness(wanted, other)).name if known else None


def _likeness(a: Raga, b: Raga) -> tuple[float, float]:
    def shared(x: tuple, y: tuple) -> float:
        return len({*x} & {*y}) / len({*x} | {*y})

    steps = [
        (
            *zip(r.arohana, r.arohana[1:], strict=False),
            *zip(r.avarohana, r.avarohana[1:], strict=False),
        )
        for r in (a, b)
    ]
    return shared(a.cents, b.cents), shared(*steps)


def _notes(config: GenerateConfig, vocabulary: Vocabulary):
    if config.raga and config.section == "tani avartanam":
        yield "A tani avartanam is percussion alone: the raga is not heard in it."
    if config.section in IN_TALA and not config.tala:
        yield f"No tala was chosen for this {config.section}; the model takes any."
    if config.tempo and not says(vocabulary, config.section, "tempo"):
        yield "The model was told of no tempo, so it takes its own."
    if config.instrument and not (
        says(vocabulary, config.section, "instrument") or says(vocabulary, config.section, "lead")
    ):
        yield "The model was not told what leads, so voice or violin may."
    asked = [("raga", config.raga), ("raga", config.to_raga), ("tala", config.tala)]
    for what, name in [*asked, ("section", config.section)]:
        taught = getattr(vocabulary, f"{what}s")
        if not name or not taught or name in taught:
            continue
        note = f"The model was not taught {what} {name}"
        near = nearest_raga(name, taught) if what == "raga" else None
        yield f"{note}; the nearest it knows by scale is {near}." if near else f"{note}."


def sruti_hz(text: str) -> float:
    """The tonic said as Hz, as a note with or without its octave, or in kattai.

    >>> sruti_hz("D"), sruti_hz("2 kattai"), sruti_hz("141 Hz")
    (146.83, 146.83, 141.0)

    A note or kattai is rounded to hundredths of a Hz, so that it can be written down exactly.
    """
    words = text.strip().replace("½", ".5").replace("♯", "#").replace("♭", "b")
    if found := re.fullmatch(r"([A-Ga-g])(#|b)?(\d)?", words):
        letter, accidental, octave = found.groups()
        semitones = NOTES.index(letter.upper()) + {"#": 1, "b": -1, None: 0}[accidental]
        hz = round(C3_HZ * 2 ** (semitones / 12 + int(octave or 3) - 3), 2)
    elif found := re.fullmatch(r"(\d(?:\.5)?)(?:\s*kattai)?", words, re.IGNORECASE):
        if found[1] not in KATTAI:
            raise StudioError(f"There is no {found[1]} kattai. Say 1 to 7, or 1.5, 2.5, 4.5 ...")
        hz = round(C3_HZ * 2 ** (KATTAI[found[1]] / 12), 2)
    elif found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:Hz)?", words, re.IGNORECASE):
        hz = float(found[1])
    else:
        raise StudioError(f"{text!r} is no sruti. Say a note (C#), kattai (2.5) or Hz (146.8).")
    _within("sruti", hz, *TONIC_RANGE_HZ)
    return hz


def sruti_in_words(tonic_hz: float) -> str:
    """What `sruti_hz` takes for exactly this tonic: a note where it is one.

    >>> sruti_in_words(146.83), sruti_in_words(141.5)
    ('D', '141.5 Hz')
    """
    named = {sruti_hz(note): note for note in NOTES}
    return named.get(tonic_hz) or f"{tonic_hz!r} Hz"


def _within(what: str, found: float, low: float, high: float) -> None:
    if not (math.isfinite(found) and low <= found <= high):
        raise StudioError(f"{what} is {found:g}. Choose a number from {low:g} to {high:g}.")
