"""Stage 4, the same said otherwise: paraphrases of a caption, and captions written by hand.

A model that has read each segment in several wordings follows more ways of asking. Paraphrases
change the order of clauses, use other spellings and words, and leave clauses out; they are drawn
from a seed and the segment's id, so the same export gives the same words.
"""

import json
import random
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from core.errors import AnnotationError, TheoryError
from core.records import Segment
from core.templates import JOINED, CaptionTemplate, clean, fields_of, join
from core.workspace import Workspace

DROPPED = 0.25  # chance that a clause after the first is left out
REWORDED = 0.4  # chance that a wording or a spelling is exchanged
TRIES = 8  # for each variant asked for; few facts give few different sentences

CLIP_TOKENS = 77  # what Stable Diffusion's text encoder reads; the rest is cut off

SECTION_WORDS: dict[str, tuple[str, ...]] = {
    "alapanai": ("alapana", "raga alapanai"),
    "tanam": ("thanam",),
    "kriti": ("krithi", "kirtana"),
    "neraval": ("niraval",),
    "kalpanaswaram": ("kalpana swaram", "swara kalpana"),
    "tani avartanam": ("thani avartanam", "percussion solo"),
    "violin": ("violin solo",),
    "viruttam": ("virutham",),
    "tillana": ("thillana",),
}
WORDINGS: tuple[tuple[str, str], ...] = (
    ("Raga {raga}", "{raga} ragam"),
    ("Raga {raga}", "The raga {raga}"),
    ("raga {raga}", "{raga} ragam"),
    ("raga {raga}", "the raga {raga}"),
    ("{raga} raga", "raga {raga}"),
    ("{tala} tala", "{tala} talam"),
    ("{tala} tala", "tala {tala}"),
    ("by composer {composer}", "composed by {composer}"),
    ("tonic {tonic}", "sruti {tonic}"),
    ("Carnatic", "South Indian classical"),
)
_ATTACHED = re.compile(r"\(|of\b")  # clauses that only make sense after their neighbour


def variants(
    template: CaptionTemplate, known: Mapping[str, str], n: int, seed: str
) -> tuple[str, ...]:
    """At most `n` different captions of the same facts, the plain one first.

    Fewer where little is known. `seed` is any text, such as the export's seed and a segment's id.
    """
    plain = template.render(known)
    found = {plain: None}
    draw = random.Random(seed)
    for _ in range(TRIES * (n - 1)):
        if len(found) >= n:
            break
        found.setdefault(_paraphrase(template, clean(known), draw), None)
    return tuple(found)


def too_long(
    caption: str, count_tokens: Callable[[str], int], limit: int = CLIP_TOKENS
) -> str | None:
    """A warning if a text encoder would cut `caption`; `count_tokens` is its tokenizer's."""
    n_tokens = count_tokens(caption)
    if n_tokens <= limit:
        return None
    return (
        f"{n_tokens} tokens, but the model reads {limit}: the end is cut off. "
        "Use a shorter template, or leave clauses out."
    )


def edit(
    workspace: Workspace, segment: Segment, text: str | None, annotator: str | None = None
) -> None:
    """Keep a caption written by hand for `segment`; None goes back to the template's."""
    if text is not None and not text.strip():
        raise AnnotationError("The caption is empty. Write a sentence, or go back to the template.")
    line = {
        "segment_id": segment.id,
        "text": None if text is None else " ".join(text.split()),
        "annotator": annotator,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with workspace.captions().open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def edited(workspace: Workspace) -> dict[str, str]:
    """The captions written by hand that hold now, by segment id."""
    path = workspace.captions()
    if not path.exists():
        return {}
    newest: dict[str, str | None] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            said = json.loads(line)
            newest[said["segment_id"]] = said["text"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise AnnotationError(
                f"{path.name}:{number}: {error!r}. Mend or delete that line."
            ) from None
    return {key: text for key, text in newest.items() if text}


def _paraphrase(template: CaptionTemplate, known: Mapping[str, str], draw: random.Random) -> str:
    sayable = [clause for clause in template.clauses if fields_of(clause) <= known.keys()]
    first, *rest = groups = _groups(sayable)
    kept = [each for each in rest if "{raga}" in each[0] or draw.random() >= DROPPED]
    draw.shuffle(kept)
    ordered = [first]
    for group in kept:
        stays = groups[groups.index(group) - 1] is ordered[-1]
        ordered.append(group if stays else _set_off(group))
    values = _respelled(known, draw)
    said = [_reworded(clause, draw).format_map(values) for group in ordered for clause in group]
    caption = join(_named(said, known, draw))
    return caption[0].upper() + caption[1:] if template.clauses[0][0].isupper() else caption


def _set_off(group: list[str]) -> list[str]:
    """A moved group takes a comma: "in raga Todi" does not go on from any other clause."""
    head, *tail = group
    return [f", {head}", *tail] if JOINED.match(head) else group


def _groups(clauses: list[str]) -> list[list[str]]:
    """Clauses that move together."""
    groups: list[list[str]] = []
    for clause in clauses:
        if groups and _ATTACHED.match(clause):
            groups[-1].append(clause)
        else:
            groups.append([clause])
    return groups


def _respelled(known: Mapping[str, str], draw: random.Random) -> dict[str, str]:
    """The values, some of them in another spelling that people use."""
    from core import theory

    values = dict(known)
    if "raga" in values and draw.random() < REWORDED:
        with suppress(TheoryError):
            values["raga"] = draw.choice([values["raga"], *_spellings(theory.raga(values["raga"]))])
    if known.get("section") in SECTION_WORDS and draw.random() < REWORDED:
        values["section"] = draw.choice(SECTION_WORDS[known["section"]])
    return values


def _spellings(raga) -> list[str]:
    """Its aliases that are other spellings, and short enough to be a name."""
    return sorted(name for name in raga.aliases if name.isascii() and name[:1].isupper())


def _reworded(clause: str, draw: random.Random) -> str:
    fitting = [(old, new) for old, new in WORDINGS if old in clause]
    if not fitting or draw.random() >= REWORDED:
        return clause
    return clause.replace(*draw.choice(fitting))


def _named(said: list[str], known: Mapping[str, str], draw: random.Random) -> list[str]:
    """Where a clause spells the section out itself, use another word for it now and then."""
    section = known.get("section", "")
    if section not in SECTION_WORDS or not said or draw.random() >= REWORDED:
        return said
    word = draw.choice(SECTION_WORDS[section])
    if said[0].startswith(section.capitalize()):
        return [word.capitalize() + said[0][len(section) :], *said[1:]]
    return said
