"""Stage 4, the words: caption templates, written in clauses, and the presets.

A template is said clause by clause; a clause whose field is unknown is left out, so a caption
never says "None". How two clauses meet is decided by how the second one begins: a joining word
("in", "by", "and") or a bracket follows a space, `,` `;` `.` stand as typed, anything else follows
a comma.

As text, clauses are separated by `|`. Text without any `|` is cut into clauses by itself: before
punctuation and before a joining word.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

from core.errors import AnnotationError
from core.records import SECTIONS
from core.workspace import Workspace, checked_name, replacing

FIELDS: dict[str, str] = {
    "section": "alapanai, kriti, neraval ...",
    "raga": "Mohanam",
    "melakarta": "the parent scale: Harikambhoji",
    "kind": "melakarta 28, or janya of Harikambhoji",
    "svaras": "the raga's notes: S R2 G3 P D2",
    "tala": "Adi",
    "aksharas": "beats of one cycle: 8",
    "tempo": "slow, medium or fast",
    "composer": "Thyagaraja",
    "composition": "the song's name",
    "artist": "who leads",
    "instrument": "what leads: voice, violin ...",
    "lead": "both in words: sung by ..., or ... on violin",
    "accompaniment": "violin and mridangam",
    "mridangam": "without mridangam, soft mridangam, mridangam solo",
    "tonic": "the sruti: D",
    "register": "low, middle or high",
    "density": "long held notes, or many quick notes",
}

NOT_SAID = frozenset({"", "none", "nan", "null", "unknown", "n/a", "-", "?"})  # as tables write it
JOINING_WORDS = ("in", "by", "and", "on", "of", "at", "to", "from", "for", "with")

JOINED = re.compile(rf"(?:{'|'.join(JOINING_WORDS)})\b(?!,)", re.IGNORECASE)
_BOUNDARY = re.compile(
    rf"\s*(?=[,;.](?:\s|$))|(?<![,;.])\s+(?=(?:{'|'.join(JOINING_WORDS)})\s)", re.IGNORECASE
)


@dataclass(frozen=True)
class CaptionTemplate:
    """Clauses in speaking order. A clause is said only if every field it names is known."""

    clauses: tuple[str, ...]

    def __post_init__(self):
        for clause in self.clauses:
            fields_of(clause)

    @classmethod
    def parse(cls, text: str) -> "CaptionTemplate":
        """Read a template as a person types it; refuse an unknown field or a stray brace.

        >>> CaptionTemplate.parse("Alapanai in raga {raga} in {tala} tala").clauses
        ('Alapanai', 'in raga {raga}', 'in {tala} tala')
        """
        fields_of(text)
        parts = text.split("|") if "|" in text else _cut(text)
        clauses = tuple(" ".join(part.split()) for part in parts if part.strip(" ,;\t\n"))
        if not clauses:
            raise AnnotationError(
                f"The template is empty. Write a sentence with fields: {_field_list()}."
            )
        return cls(clauses)

    @property
    def text(self) -> str:
        """The template as `parse` reads it."""
        text = " | ".join(self.clauses)
        return text if "|" in text or _cut(text) == [text] else f"{text} |"

    @cached_property
    def fields(self) -> frozenset[str]:
        """Every field that some clause names."""
        return frozenset().union(*map(fields_of, self.clauses))

    def said(self, known: Mapping[str, str | None]) -> tuple[str, ...]:
        """The clauses that can be said, filled in."""
        values = clean(known)
        return tuple(
            clause.format_map(values) for clause in self.clauses if fields_of(clause) <= set(values)
        )

    def render(self, known: Mapping[str, str | None]) -> str:
        """Say what is known, and no more.

        >>> template = CaptionTemplate(("Carnatic {section}", "raga {raga}", "{tala} tala"))
        >>> template.render({"section": "alapanai", "raga": "Kalyani", "tala": None})
        'Carnatic alapanai, raga Kalyani'
        """
        caption = join(self.said(known))
        if not caption:
            raise AnnotationError(
                f"Nothing to caption: the template speaks of {', '.join(sorted(self.fields))}, but "
                f"only {', '.join(sorted(clean(known))) or 'nothing'} is known. "
                "Label the segment first, or choose another template."
            )
        starts_upper = self.clauses[0][:1].isupper()
        return caption[0].upper() + caption[1:] if starts_upper else caption


def clean(known: Mapping[str, str | None]) -> dict[str, str]:
    """`known` without what is not said: None, blanks and the words tables use for "unknown"."""
    values = {}
    for name, value in known.items():
        words = re.sub(r"\s*,(?:\s*,)+", ",", " ".join(str(value or "").split())).strip(" ,;")
        if words.lower() not in NOT_SAID:
            values[name] = words
    return values


def fields_of(text: str) -> frozenset[str]:
    """The fields named in `text`, each checked: only plain `{name}` of a known field is allowed."""
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise AnnotationError(
            f"Template {text!r}: {error}. Write fields as {{raga}}, each brace closed. "
            f"There are: {_field_list()}."
        ) from None
    names = set()
    for _, name, spec, conversion in parsed:
        if name is None:
            continue
        if name not in FIELDS or spec or conversion:
            raise AnnotationError(
                f"Template {text!r} asks for {{{name}}}, which is no field. "
                f"There are: {_field_list()}."
            )
        names.add(name)
    return frozenset(names)


def join(said: Iterable[str]) -> str:
    """Put filled-in clauses together as one sentence."""
    sentence = ""
    for clause in said:
        if not sentence:
            sentence = re.sub(r"^(?:[,;.\s]+|and\b\s*)+", "", clause)
        elif clause[0] in ",;.":
            sentence = sentence.rstrip(",; ") + clause.removeprefix("." * sentence.endswith("."))
        elif clause[0] == "(" or JOINED.match(clause):
            sentence += f" {clause}"
        else:
            sentence += f", {clause}"
    return sentence.rstrip(",; ")


def _cut(text: str) -> list[str]:
    """Cut a sentence into clauses; words without a field stay with the field they lead up to."""
    clauses: list[str] = []
    pending = ""
    for part in (part for part in _BOUNDARY.split(text) if part.strip()):
        part = f"{pending} {part}" if pending and part[0] not in ",;." else pending + part
        pending = ""
        if clauses and not fields_of(part) and re.search(r"\w", part):
            pending = part
        else:
            clauses.append(part)
    return [*clauses, pending] if pending else clauses


def _field_list() -> str:
    return ", ".join(FIELDS)


def _per_section(default: str, **special: str) -> dict[str, CaptionTemplate]:
    """One template for each section; `{Section}` in `default` is the section's own name."""
    return {
        section: CaptionTemplate.parse(
            special.get(section.replace(" ", "_"), default).replace(
                "{Section}", section.capitalize()
            )
        )
        for section in SECTIONS
    }


_RAGA = " | in raga {raga} | ({kind})"
_TALA = " | , in {tala} tala | of {aksharas} aksharas"
_SOUND = " | {mridangam} | {register} register | {density} | tonic {tonic}"
_PLAYED = " | {tempo} tempo | {lead} | with {accompaniment}"

PRESETS: dict[str, dict[str, CaptionTemplate]] = {
    # the captions of the first Carnatic Riffusion (2022), for whole songs
    "seed": _per_section(
        "Raga {raga} | and composer {composer}",
        tani_avartanam="Tani avartanam | in {tala} tala",
        applause="Applause",
        speech="Speech",
    ),
    # what its author wished for
    "sections": _per_section(
        "{Section} | in raga {raga} | in {tala} tala | by {artist}",
        alapanai="Alapanai in raga {raga} in {tala} tala",
        neraval="Neraval in raga {raga} by {artist}",
        kriti="Raga {raga} and composer {composer}",
        tani_avartanam="Tani avartanam in {tala} tala by {artist}",
        violin="Violin in raga {raga} by {artist}",
        other="Carnatic music in raga {raga} in {tala} tala by {artist}",
        applause="Applause",
        speech="Speech",
    ),
    "rich": _per_section(
        f"Carnatic {{section}}{_RAGA}{_TALA}"
        f" | {{composition}} | , by composer {{composer}}{_PLAYED}{_SOUND}",
        violin=f"Carnatic violin{_RAGA} | , by {{artist}}{_TALA} | {{tempo}} tempo{_SOUND}",
        tani_avartanam="Carnatic tani avartanam | percussion alone | , in {tala} tala"
        " | of {aksharas} aksharas | {tempo} tempo | by {artist}",
        applause="Applause at a Carnatic concert |",
        speech="Speech at a Carnatic concert |",
        other=f"Carnatic music{_RAGA}{_TALA}{_PLAYED}{_SOUND}",
    ),
    "tags": _per_section(
        "carnatic music | {section} | {raga} raga | {kind} | {tala} tala | {tempo} tempo"
        " | {composer} | {artist} | {instrument} | {mridangam} | tonic {tonic}",
        other="carnatic music | {raga} raga | {tala} tala | {artist} | {instrument}",
    ),
    "concise": _per_section(
        "{Section} | in raga {raga} | {tala} tala | {tempo} tempo | {instrument}",
        applause="Applause",
        speech="Speech",
        other="Carnatic music | in raga {raga} | {tala} tala | {tempo} tempo | {instrument}",
    ),
}


def save_templates(workspace: Workspace, name: str, texts: Mapping[str, str]) -> None:
    """Keep one's own templates, text by section; sections left out are said as in `rich`."""
    if name in PRESETS:
        raise AnnotationError(f"{name!r} is a preset. Save your own templates by another name.")
    unknown = sorted(set(texts) - set(SECTIONS))
    if unknown:
        raise AnnotationError(
            f"{unknown[0]!r} is no section. Choose one of: {', '.join(SECTIONS)}."
        )
    parsed = {section: CaptionTemplate.parse(text).text for section, text in texts.items()}
    with replacing(workspace.templates() / f"{checked_name(name)}.json") as part:
        part.write_text(json.dumps(parsed, indent=1, ensure_ascii=False), encoding="utf-8")


def template_names(workspace: Workspace) -> list[str]:
    """The presets, then what was saved in this workspace."""
    saved = (path.stem for path in workspace.templates().glob("*.json") if path.name[0] != ".")
    return [*PRESETS, *sorted(saved)]


def templates(name: str, workspace: Workspace | None = None) -> dict[str, CaptionTemplate]:
    """The templates called `name`, by section: a preset, or one saved in the workspace."""
    if name in PRESETS:
        return PRESETS[name]
    names = template_names(workspace) if workspace else list(PRESETS)
    if name not in names:
        raise AnnotationError(f"No template {name!r}. Choose one of: {', '.join(names)}.")
    path = workspace.templates() / f"{name}.json"
    try:
        texts = json.loads(path.read_text(encoding="utf-8"))
        own = {section: CaptionTemplate.parse(text) for section, text in texts.items()}
    except (json.JSONDecodeError, AttributeError) as error:
        raise AnnotationError(f"{path.name}: {error}. Save the template again.") from None
    return {**PRESETS["rich"], **own}
