"""Each kind of section as notes, strokes and beats; the raga says which svaras, the tala when."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from core.records import SectionName
from core.synthesis import rhythm
from core.synthesis.character import Character
from core.synthesis.composition import Composition, laid, line
from core.synthesis.melody import Note, ornament
from core.synthesis.mridangam import Stroke
from core.synthesis.phrases import Register, lyric, solfa, walk
from core.synthesis.plan import METRICAL
from core.synthesis.rhythm import Groove, Metre

_OPEN_SYLLABLES = ("a", "ta", "da", "ri", "na", "ra", "tam", "nam", "a")
_TANAM_SYLLABLES = ("a", "nam", "tam", "ta", "nam", "ta", "nom")
_TILLANA_SYLLABLES = ("dhim", "ta", "na", "di", "ri", "na", "tom", "ta", "ni")


@dataclass(frozen=True)
class Stage:
    """What holds for every section of one item."""

    character: Character
    metre: Metre
    groove: Groove
    composition: Composition
    pace: float = 1.0  # above 1 is hastier in free time


@dataclass
class Score:
    """One section: who plays what; times are seconds from its start."""

    section: SectionName
    duration_s: float
    lead: list[Note] = field(default_factory=list)
    violin: list[Note] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)
    beats: list[tuple[float, int]] = field(default_factory=list)  # time, akshara from 1
    shadowed: bool = False  # the violin follows the singer softly


def score(section: SectionName, stage: Stage, duration_s: float, rng: np.random.Generator) -> Score:
    """Write one section of about `duration_s` (a metrical one ends with an avartana)."""
    if section in METRICAL:
        n = max(1, round(duration_s / stage.metre.avartana_s))
        written = _METRICAL[section](stage, n, rng)
        written.beats = _beats(stage.metre, n)
    elif section == "applause":
        written = Score("applause", duration_s)
    else:
        written = _FREE[section](stage, duration_s, rng)
    written.lead = ornament(written.lead, stage.character, rng)
    written.violin = ornament(written.violin, stage.character, rng)
    return written


def _beats(metre: Metre, n_avartanas: int) -> list[tuple[float, int]]:
    n = metre.tala.aksharas
    return [(i * metre.akshara_s, i % n + 1) for i in range(n_avartanas * n)]


# ---- free time


def _alapanai(stage: Stage, duration_s: float, rng: np.random.Generator) -> Score:
    notes = _unfolded(stage, duration_s, rng, 0.22)
    return Score("alapanai", duration_s, lead=notes, shadowed=bool(rng.random() < 0.5))


def _violin(stage: Stage, duration_s: float, rng: np.random.Generator) -> Score:
    hasty = replace(stage, pace=1.15 * stage.pace)
    return Score("violin", duration_s, violin=_unfolded(hasty, duration_s, rng, 0.15))


def _viruttam(stage: Stage, duration_s: float, rng: np.random.Generator) -> Score:
    notes = _unfolded(stage, duration_s, rng, 0.75)
    words = lyric(rng, len(notes))
    sung = [replace(n, syllable=w if n.syllable else "") for n, w in zip(notes, words, strict=True)]
    return Score("viruttam", duration_s, lead=sung, shadowed=True)


def _unfolded(stage: Stage, duration_s: float, rng, syllabic: float) -> list[Note]:
    """Phrase by phrase up to the upper Sa and home, resting on the raga's notes."""
    notes: list[Note] = []
    now = float(rng.uniform(0.3, 0.9))
    end = duration_s - 0.5
    while now < end - 1.2:
        centre = np.interp(now / duration_s, (0, 0.25, 0.5, 0.8, 1), (50, 400, 800, 1150, 100))
        register = Register(float(centre), float(rng.uniform(300, 600)))
        phrase = _phrase(stage, register, rng, syllabic)
        length = sum(n.duration_s for n in phrase)
        if now + length > end:
            break
        notes += [replace(n, start_s=n.start_s + now) for n in phrase]
        now += length + float(rng.uniform(0.2, 0.8)) / stage.pace
    if end - now > 0.6:
        notes.append(Note(now, end - now, _home(stage.character), syllable="a"))
    return notes


def _home(character: Character) -> int:
    """Sa, or in the rare raga that leaves it out of its compass the nearest note to rest on."""
    return min(filter(character.is_rest, character.pool), key=abs)


def _phrase(stage: Stage, register: Register, rng, syllabic: float) -> list[Note]:
    pace = rng.choice(3, p=(0.4, 0.35, 0.25))  # long notes, walking, a fast run
    low, high = ((0.45, 1.3), (0.18, 0.4), (0.095, 0.16))[pace]
    n = int(rng.integers(*((2, 6), (4, 11), (8, 22))[pace]))
    pitches = walk(rng, stage.character, register, n)
    lengths = np.exp(rng.uniform(np.log(low), np.log(high), len(pitches))) / stage.pace
    lengths[-1] = rng.uniform(0.8, 2.4) / stage.pace
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    fresh = rng.random(len(pitches)) < syllabic * (0.3 if pace == 2 else 1)
    fresh[0] = True
    words = rng.choice(_OPEN_SYLLABLES, len(pitches))
    level = rng.uniform(0.75, 1.0)
    return [
        Note(float(t), float(d), c, syllable=str(w) if f else "", level=float(level))
        for t, d, c, w, f in zip(starts, lengths, pitches, words, fresh, strict=True)
    ]


def _tanam(stage: Stage, duration_s: float, rng: np.random.Generator) -> Score:
    """Even pulses in groups of 3 to 5, most of them repeating a svara."""
    notes: list[Note] = []
    pulse = float(rng.uniform(0.17, 0.24))
    now = 0.4
    while now < duration_s - 2.5:
        centre = np.interp(now / duration_s, (0, 0.4, 0.8, 1), (100, 700, 1100, 100))
        for cents in walk(rng, stage.character, Register(float(centre), 450), 5):
            for place in range(int(rng.integers(2, 4))):
                word = str(rng.choice(_TANAM_SYLLABLES))
                length = pulse * (2 if word.endswith("m") and place else 1)
                notes.append(Note(now, length, cents, syllable=word))
                now += length
        notes[-1] = replace(notes[-1], duration_s=notes[-1].duration_s + 0.7)
        now += 0.7 + float(rng.uniform(0.2, 0.5))
    kept = [n for n in notes if n.end_s < duration_s - 0.1]
    return Score("tanam", duration_s, lead=kept, shadowed=bool(rng.random() < 0.5))


# ---- in the tala


def _accompanied(stage: Stage, n: int, rng, busy: float) -> list[Stroke]:
    """The mridangam through `n` avartanas: a fill every fourth and at the end."""
    strokes: list[Stroke] = []
    for cycle in range(n):
        played = stage.groove.avartana(rng, busy, fill=cycle % 4 == 3 or cycle == n - 1)
        strokes += rhythm.later(played, cycle * stage.metre.avartana_s)
    return strokes


def _kriti(stage: Stage, n: int, rng: np.random.Generator) -> Score:
    """Pallavi lines repeated with sangatis, anupallavi, charanam, pallavi again."""
    song, metre = stage.composition, stage.metre
    parts = song.sequence(n)
    notes: list[Note] = []
    for cycle, (verse, repeat) in enumerate(parts):
        sung = song.sangati(verse, repeat)
        notes += laid(sung, metre, cycle * metre.avartana)
    strokes = _accompanied(stage, n, rng, 0.12)
    return Score("kriti", n * metre.avartana_s, lead=notes, strokes=strokes, shadowed=True)


def _tillana(stage: Stage, n: int, rng: np.random.Generator) -> Score:
    written = _kriti(stage, n, rng)
    words = iter(rng.choice(_TILLANA_SYLLABLES, len(written.lead)))
    lead = [replace(note, syllable=str(next(words))) for note in written.lead]
    return replace(written, section="tillana", lead=lead, strokes=_accompanied(stage, n, rng, 0.4))


def _neraval(stage: Stage, n: int, rng: np.random.Generator) -> Score:
    """The same words at the same beats in ever new melody, the second half twice as fast."""
    metre, song = stage.metre, stage.composition
    notes: list[Note] = []
    replies: list[Note] = []
    for cycle in range(n):
        fast = cycle >= n / 2
        density = (0.33, 0.65)[fast] * float(rng.uniform(0.8, 1.2))
        centre = float(np.interp(cycle / n, (0, 0.7, 1), (300, 1000, 600)))
        anew = line(rng, stage.character, (Register(centre), metre.avartana, density), song.words)
        player = replies if cycle % 3 == 2 and n > 2 else notes
        player += laid(anew, metre, cycle * metre.avartana)
    strokes = _accompanied(stage, n, rng, 0.3)
    return Score("neraval", n * metre.avartana_s, notes, replies, strokes)


def _kalpanaswaram(stage: Stage, n: int, rng: np.random.Generator) -> Score:
    """Svaras by name, in turns that shrink, each coming home to the song; a korvai ends it."""
    metre, song = stage.metre, stage.composition
    written = Score("kalpanaswaram", n * metre.avartana_s)
    pulse, turn = 0, 0
    end = (n - 1) * metre.avartana if n > 2 else n * metre.avartana
    while pulse < end:
        left = (end - pulse) / metre.avartana
        size = min(end - pulse, metre.avartana * max(1, round(left / 4)))
        player = written.violin if turn % 2 else written.lead
        home = metre.avartana // 2 if left > 2 else 0
        slow = turn < (1 if metre.pulse_s > 0.17 else 2) and left > 2
        player += _svaras(stage, (pulse, size - home), 2 if slow else 1, rng)
        if home:
            opening = [cell for cell in song.pallavi if cell.pulse + cell.pulses <= home]
            player += laid(opening, metre, pulse + size - home)
        pulse, turn = pulse + size, turn + 1
    if pulse < n * metre.avartana:
        written.lead += _korvai(stage, pulse, rng)
    written.strokes = _accompanied(stage, n, rng, 0.35)
    return written


def _svaras(stage: Stage, span: tuple[int, int], speed: int, rng) -> list[Note]:
    """Groups of svaras, `speed` pulses each, with the last of a group held."""
    start, size = span
    notes: list[Note] = []
    pulse = start
    while pulse < start + size:
        register = Register(float(rng.uniform(200, 1100)), 450)
        pitches = walk(rng, stage.character, register, int(rng.integers(4, 10)))
        if rng.random() < 0.2:  # janta: every svara twice
            pitches = [cents for cents in pitches[:5] for _ in range(2)]
        held = int(rng.integers(1, 4)) * speed
        room = min(start + size - pulse, (len(pitches) - 1) * speed + held)
        notes += _named(stage, pitches, (pulse, room), speed)
        pulse += room
    return notes


def _named(stage: Stage, pitches: list[int], span: tuple[int, int], speed: int) -> list[Note]:
    start, room = span
    pulse_s = stage.metre.pulse_s
    notes = []
    for place, cents in enumerate(pitches):
        at = place * speed
        length = room - at if place == len(pitches) - 1 else min(speed, room - at)
        if length <= 0:
            break
        when, long = (start + at) * pulse_s, length * pulse_s
        notes.append(
            Note(when, long * (0.85 if length > speed else 1), cents, syllable=solfa(cents))
        )
    return notes


def _korvai(stage: Stage, start: int, rng: np.random.Generator) -> list[Note]:
    """One group of svaras three times, ending with the avartana."""
    total = stage.metre.avartana
    before, phrase, gap = rhythm.threefold(total, rng)
    notes = _svaras(stage, (start, before), 1, rng) if before else []
    pitches = walk(rng, stage.character, Register(700, 500), max(2, phrase))[:phrase]
    for time in range(3):
        at = start + before + time * (phrase + gap)
        notes += _named(stage, pitches, (at, phrase), 1)
    return notes


def _tani(stage: Stage, n: int, rng: np.random.Generator) -> Score:
    strokes = rhythm.tani(stage.metre, n, rng)
    return Score("tani avartanam", n * stage.metre.avartana_s, strokes=strokes)


_FREE: dict[str, Callable[[Stage, float, np.random.Generator], Score]] = {
    "alapanai": _alapanai,
    "violin": _violin,
    "viruttam": _viruttam,
    "tanam": _tanam,
}
_METRICAL: dict[str, Callable[[Stage, int, np.random.Generator], Score]] = {
    "kriti": _kriti,
    "tillana": _tillana,
    "neraval": _neraval,
    "kalpanaswaram": _kalpanaswaram,
    "tani avartanam": _tani,
}
