"""A file of another tool becomes segments: read, ask what is unknown, check, then save or nothing.

A section name that nobody knows is never guessed: `Plan.unknown` lists it with likely answers, and
`plan` is called again with what was answered. A raga or tala that the tables lack stays as it is
written, as the catalogue's do, and is said in `Plan.notes`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from core import theory
from core.edits import PAST_THE_END_S, TOUCHING_S, clock, is_firm
from core.errors import AnnotationError, TheoryError
from core.exchange.here import Here
from core.exchange.marks import FIELDS, KEPT_ID, NUMBERS, Faults, Mark, shown
from core.exchange.reading import Found
from core.exchange.selection import Wishes, known_section, wanted
from core.library import Library
from core.records import ORIGINS, STATUSES, Recording, Segment

LEAVE_OUT = ""  # the answer to an unknown name whose regions nobody wants

HAIR_S = 0.05  # an overlap up to this is closed, and said; a longer one is refused

_CHOICES = {"origin": ORIGINS, "status": STATUSES}
_UNREADABLE = "\0"


@dataclass(frozen=True)
class Unknown:
    """A label that names no section: how often, where first, and what it may mean."""

    label: str
    count: int
    where: str
    suggestions: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What importing would do. It can be done when nothing is `unknown`."""

    recording: Recording
    segments: tuple[Segment, ...]
    unknown: tuple[Unknown, ...]
    notes: tuple[str, ...]
    replaced: tuple[str, ...] = ()  # ids of segments that give way


def plan(found: Found, library: Library, recording: Recording, wishes: Wishes) -> Plan:
    """The segments that a file means in this recording.

    Raises
    ------
    AnnotationError
        If regions lie beyond the recording, over one another or over what is there, or say what
        cannot be; a line for each.
    """
    notes: list[str] = []
    marks = wanted(found, recording, wishes, notes)
    answers = {label: _answer(label, said) for label, said in wishes.answers.items()}
    unknown = _unknown(marks, answers)
    present = {each.id: each for each in library.segments(recording.id)}
    here = Here(present.values())
    faults = Faults("This file does not fit the recording.")
    pairs = []
    spelt = _speller(notes)
    for mark in marks:
        section = answers.get(mark.label, known_section(mark.label))
        if section:
            with faults.at(mark.where):
                segment = _segment(mark, section, recording, wishes, spelt)
                pairs.append((mark.where, here.known(segment, mark, wishes.annotator)))
    _refuse_twice(pairs, faults)
    pairs = _closed(pairs, notes)
    replaced = _replaced(pairs, present, wishes)
    if not unknown:
        _refuse_overlap(pairs, present, replaced, faults)
    faults.settle()
    segments = tuple(segment for _, segment in pairs)
    return Plan(recording, segments, unknown, tuple(notes), replaced)


def save(library: Library, planned: Plan, annotator: str | None = None) -> int:
    """Save the plan as one edit, which one undo takes back.

    Returns
    -------
    count : int
        How many segments were added or changed.
    """
    if planned.unknown:
        raise AnnotationError(ask(planned.unknown))
    now = {each.id: each for each in library.segments(planned.recording.id)}
    new = [each for each in planned.segments if now.get(each.id) != each]
    gone = [each for each in planned.replaced if each in now]
    if new or gone:
        library.edit(new, gone, annotator)
    return len(new)


def ask(unknown: Iterable[Unknown]) -> str:
    """The names that nobody knows, with what each may mean."""
    lines = ["Some labels name no section; say what each is, or leave its regions out."]
    for each in unknown:
        many = f"{each.count} regions" if each.count > 1 else "1 region"
        likely = f"; perhaps {' or '.join(each.suggestions)}" if each.suggestions else ""
        lines.append(f"{each.label or '(no label)'} ({many}, first at {each.where}){likely}")
    return "\n".join(lines)


def _answer(label: str, said: str) -> str:
    try:
        return theory.section(said) if said else LEAVE_OUT
    except TheoryError as error:
        raise AnnotationError(f"{label!r} cannot become that. {error}") from error


def _unknown(marks: list[Mark], answers: Mapping[str, str]) -> tuple[Unknown, ...]:
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for mark in marks:
        if mark.label not in answers and known_section(mark.label) is None:
            first.setdefault(mark.label, mark.where)
            counts[mark.label] += 1
    return tuple(
        Unknown(label, count, first[label], _suggestions(label))
        for label, count in counts.most_common()
    )


def _suggestions(label: str) -> tuple[str, ...]:
    """Sections that part of the label names ("Caranam kapi"), then those spelt like it."""
    words = label.split()
    parts = [words[:n] for n in range(len(words) - 1, 0, -1)]
    parts += [words[n:] for n in range(1, len(words))]
    named = [known_section(" ".join(part)) for part in parts[:20]]
    return tuple(dict.fromkeys([*filter(None, named), *theory.sections_like(label)]))[:3]


def _segment(
    mark: Mark, section: str, recording: Recording, wishes: Wishes, spelt: Callable
) -> Segment:
    if mark.end_s > recording.duration_s + PAST_THE_END_S:
        raise AnnotationError(
            f"it ends at {clock(mark.end_s)}, but the recording at {clock(recording.duration_s)}."
        )
    said: dict = {"origin": "import", "annotator": wishes.annotator}
    for name in FIELDS:
        value = mark.said.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, str) and _UNREADABLE in value:
            raise AnnotationError(f"its {name} holds characters nobody can read: {shown(value)}.")
        said[name] = _value(name, value, spelt)
    return Segment(recording.id, mark.start_s, mark.end_s, section, **said)


def _value(name: str, value: str | float, spelt: Callable) -> str | float:
    if name in NUMBERS:
        try:
            return float(value)
        except (ValueError, TypeError, OverflowError):
            raise AnnotationError(
                f"its {name} is {shown(value)}. Give a number from 0 to 1."
            ) from None
    text = str(value).strip()
    if name in _CHOICES and text.casefold() not in _CHOICES[name]:
        raise AnnotationError(
            f"its {name} is {shown(text)}. Choose one of: {', '.join(_CHOICES[name])}."
        )
    if name in _CHOICES:
        return text.casefold()
    return spelt(name, text) if name in ("raga", "tala") else text


def _speller(notes: list[str]) -> Callable[[str, str], str]:
    """Spells ragas and talas as they are displayed; notes once what the tables lack."""

    @cache
    def spelt(kind: str, name: str) -> str:
        try:
            return getattr(theory, kind)(name).name
        except TheoryError as error:
            notes.append(f"{kind} {shown(name)} is kept as it is written: {error}")
            return name

    return spelt


def _refuse_twice(pairs: list[tuple[str, Segment]], faults: Faults) -> None:
    first: dict[str, str] = {}
    for where, segment in pairs:
        if first.setdefault(segment.id, where) is not where:
            faults.add(where, f"it has the {KEPT_ID} of {first[segment.id]}. Empty one of them.")


def _closed(pairs: list[tuple[str, Segment]], notes: list[str]) -> list[tuple[str, Segment]]:
    """Without overlaps that no one hears: hands and rounding let an edge pass the next by a hair.

    The earlier region then ends where the later begins.
    """
    count, last = 0, {}
    closed = list(pairs)
    for k in sorted(range(len(pairs)), key=lambda k: pairs[k][1].start_s):
        segment = closed[k][1]
        if not is_firm(segment):
            continue
        lane = (segment.lane, segment.annotator)
        if lane in last:
            at, before = closed[last[lane]]
            is_hair = TOUCHING_S < before.overlap_s(segment) <= HAIR_S
            if is_hair and before.start_s < segment.start_s < before.end_s < segment.end_s:
                closed[last[lane]] = (at, replace(before, end_s=segment.start_s))
                count += 1
        last[lane] = k
    if count:
        notes.append(f"Overlaps of at most {1000 * HAIR_S:g} ms were closed ({count}).")
    return closed


def _replaced(
    pairs: list[tuple[str, Segment]], present: Mapping[str, Segment], wishes: Wishes
) -> tuple[str, ...]:
    if not wishes.replace:
        return ()
    ours = {segment.annotator for _, segment in pairs}
    kept = {segment.id for _, segment in pairs}
    return tuple(
        each.id
        for each in present.values()
        if each.id not in kept and is_firm(each) and each.annotator in ours
    )


def _refuse_overlap(
    pairs: list[tuple[str, Segment]],
    present: Mapping[str, Segment],
    replaced: tuple[str, ...],
    faults: Faults,
) -> None:
    """Sweep each annotator's lane; the file's own regions are named by their lines."""
    new = {segment.id for _, segment in pairs}
    there = [each for each in present.values() if each.id not in (new | set(replaced))]
    rows = [(segment, where) for where, segment in pairs if is_firm(segment)]
    rows += [(segment, "") for segment in there if is_firm(segment)]
    furthest: dict[tuple, tuple[Segment, str]] = {}
    for segment, where in sorted(rows, key=lambda row: row[0].start_s):
        lane = (segment.lane, segment.annotator)
        before, at = furthest.get(lane, (None, ""))
        shared = before.overlap_s(segment) if before else 0.0
        if shared > TOUCHING_S and (where or at):
            one = before if where else segment
            span = f"({clock(one.start_s)} to {clock(one.end_s)}) by {shared:.2f} s"
            if where and at:
                faults.add(where, f"it overlaps {at}'s {one.section} {span}.")
            else:
                faults.add(where or at, f"it overlaps the {one.section} marked here {span}.")
                faults.advice = (
                    "Let what was marked before give way (--replace), or import under another name."
                )
        if before is None or segment.end_s > before.end_s:
            furthest[lane] = (segment, where)
