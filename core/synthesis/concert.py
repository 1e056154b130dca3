"""Render a concert: sections written, sounded, mixed in a hall; the truth kept beside the sound."""

from dataclasses import dataclass, field, replace

import numpy as np

from core import theory
from core.records import Artist, Recording, Segment
from core.synthesis import room
from core.synthesis.character import character
from core.synthesis.composition import Composition
from core.synthesis.melody import RATE, Contour, Note, contour
from core.synthesis.mridangam import Mridangam, Stroke
from core.synthesis.plan import FREE, Item, Plan, plan
from core.synthesis.players import (
    Player,
    flutist,
    nagaswaram_player,
    singer,
    vainika,
    violinist,
)
from core.synthesis.rhythm import Groove, metre
from core.synthesis.sections import Score, Stage, score

SR = 24_000
F0_RATE = 100  # truth points a second
_HIGHEST_TONIC_OF_MEN_HZ = 165.0
_SHARES = {"alapanai": 3.0, "kriti": 3.5, "kalpanaswaram": 2.5, "applause": 0.25, "violin": 1.6}
_LEADS = {
    "voice": singer,
    "flute": flutist,
    "nagaswaram": nagaswaram_player,
    "veena": vainika,
}
_SHIFTS = {"voice": 0, "veena": 0, "flute": 1200, "nagaswaram": 1200}  # cents above the singer
_PLAYERS = {
    "voice": "Vocalist",
    "flute": "Flautist",
    "nagaswaram": "Nagaswaram Player",
    "veena": "Vainika",
    "mridangam": "Mridangist",
    "ghatam": "Ghatam Player",
    "kanjira": "Kanjira Player",
    "thavil": "Thavil Player",
}
_TANI_GAIN = 1.6  # alone, the mridangam comes forward


@dataclass(frozen=True)
class SampleConcert:
    """A rendered concert and everything there is to know about it.

    y : np.ndarray [shape=(n_samples,), float32, -1..1], mono
    f0_times, f0_hz : np.ndarray [shape=(n_points,)], 100 a second; 0 where no melody sounds
    notes : the lead's and the violin's svaras in order, in seconds of the recording
    beats : (time, akshara counted from 1) where there is a tala
    turns : (start, end, "voice" or "violin"), who leads the melody
    """

    y: np.ndarray = field(repr=False)
    sr: int
    recording: Recording
    segments: tuple[Segment, ...]
    f0_times: np.ndarray = field(repr=False)
    f0_hz: np.ndarray = field(repr=False)
    strokes: tuple[Stroke, ...] = field(repr=False)
    notes: tuple[Note, ...] = field(repr=False)
    beats: tuple[tuple[float, int], ...] = field(repr=False)
    turns: tuple[tuple[float, float, str], ...] = field(repr=False)


@dataclass(frozen=True)
class _Ensemble:
    """Who plays, how loud, how far the violin sits above the singer."""

    tonic_hz: float
    lead: Player
    violin: Player
    mridangam: Mridangam
    drone_level: float
    drum_level: float
    shadow_level: float
    violin_shift: int  # cents
    artists: tuple[Artist, ...]

    @classmethod
    def of(cls, plan: Plan, rng: np.random.Generator) -> "_Ensemble":
        who = plan.lead or ("voice" if rng.random() < 0.8 else "violin")
        man = rng.random() < 0.5
        tonic_hz = plan.tonic_hz or float(rng.uniform(*((113, 160) if man else (165, 260))))
        violin = violinist(tonic_hz, SR, rng)
        low = tonic_hz < _HIGHEST_TONIC_OF_MEN_HZ
        return cls(
            tonic_hz=tonic_hz,
            lead=_LEADS[who](tonic_hz, SR, rng) if who in _LEADS else violin,
            violin=violin,
            mridangam=Mridangam.tuned(tonic_hz, SR, rng, plan.drum),
            drone_level=0.1 * 10 ** (_or(plan.drone_db, rng.uniform(-24, -14)) / 20),
            drum_level=10 ** (_or(plan.drum_db, rng.uniform(-15, -4)) / 20),
            shadow_level=10 ** (_or(plan.shadow_db, rng.uniform(-16, -9)) / 20),
            violin_shift=1200 if low and (who == "violin" or rng.random() < 0.6) else 0,
            artists=_artists(who, plan.drum, rng),
        )


def _or(said: float | None, drawn: float) -> float:
    """What the plan says; drawn even so, that all else of the concert stays as it was."""
    return drawn if said is None else said


def _artists(lead: str, drum: str, rng: np.random.Generator) -> tuple[Artist, ...]:
    numbers = rng.integers(1, 30, 3)
    name = _PLAYERS.get(lead)
    leader = (Artist(f"Sample {name} {numbers[0]}", lead),) if name else ()
    drum = "mridangam" if drum == "close" else drum
    return (
        *leader,
        Artist(f"Sample Violinist {numbers[1]}", "violin"),
        Artist(f"Sample {_PLAYERS[drum]} {numbers[2]}", drum),
    )


@dataclass(frozen=True)
class _Block:
    """One section sounded, dry."""

    score: Score
    item: Item
    y: np.ndarray
    hz: np.ndarray  # F0_RATE
    mridangam_level: float


def render(seed: int, minutes: float, plan: Plan | None = None) -> SampleConcert:
    """Render the concert of a seed; the same arguments give the same samples.

    A section in a tala ends with its avartana, so a concert lasts about `minutes`.
    """
    chosen = plan or _plan(seed, minutes)
    rng = np.random.default_rng([seed, 1])
    ensemble = _Ensemble.of(chosen, rng)
    blocks = _blocks(chosen, ensemble, 60 * minutes, rng)
    y = _in_the_hall(np.concatenate([block.y for block in blocks]), blocks, ensemble, rng)
    return _with_truth(f"sample-{seed}", y, blocks, ensemble)


_plan = plan


def _blocks(chosen: Plan, ensemble: _Ensemble, total_s: float, rng) -> list[_Block]:
    places = [(item, section) for item in chosen.items for section in item.sections]
    shares = [_SHARES.get(section, 2.0) * rng.uniform(0.85, 1.15) for _, section in places]
    stages = [_stage(item, chosen.words, rng) for item in chosen.items]
    stage_of = [s for item, s in zip(chosen.items, stages, strict=True) for _ in item.sections]
    blocks, left_s = [], total_s
    for i, (item, section) in enumerate(places):
        duration_s = left_s * shares[i] / sum(shares[i:])
        if section == "applause":
            duration_s = float(np.clip(duration_s, 3.0, 8.0))
        duration_s = max(3.0, round(duration_s * F0_RATE) / F0_RATE)
        written = score(section, stage_of[i], duration_s, rng)
        block = _sounded(written, item, stage_of[i], ensemble, rng)
        blocks.append(block)
        left_s = max(0.0, left_s - len(block.y) / SR)
    return blocks


def _stage(item: Item, words: int, rng: np.random.Generator) -> Stage:
    raga = character(theory.raga(item.raga))
    time = metre(theory.tala(item.tala), rng, item.tempo)
    song = Composition.named(item.composition or f"Sample {item.raga}", raga, time, words)
    return Stage(raga, time, Groove.chosen(time, rng), song, float(rng.uniform(0.85, 1.25)))


def _sounded(score: Score, item: Item, stage: Stage, ensemble: _Ensemble, rng) -> _Block:
    n_points = round(score.duration_s * RATE)
    n = n_points * SR // RATE
    melody = np.zeros(n, np.float32)
    hz = np.zeros(n_points)
    own = _SHIFTS.get(ensemble.lead.instrument, ensemble.violin_shift)
    for notes, player, shift in (
        (score.lead, ensemble.lead, own),
        (score.violin, ensemble.violin, ensemble.violin_shift),
    ):
        if notes:
            drawn = contour(notes, n_points / RATE, stage.character, rng)
            pitch = ensemble.tonic_hz * 2 ** ((drawn.cents + shift) / 1200)
            sound, sung = player.perform(drawn, pitch, notes, rng)
            melody += sound[:n]
            hz[sung.sounds] = pitch[sung.sounds]
            if score.shadowed and player.instrument != "violin":
                melody += _shadow(drawn, ensemble, rng)[:n]
    loud = ensemble.drum_level * (_TANI_GAIN if score.section == "tani avartanam" else 1)
    drums = ensemble.mridangam.play(score.strokes, n, rng) * np.float32(loud)
    energies = float(np.sum(drums**2)), float(np.sum(melody**2))
    level = energies[0] / max(sum(energies), 1e-9)
    return _Block(score, item, melody + drums, hz[:: RATE // F0_RATE], level)


def _shadow(drawn: Contour, ensemble: _Ensemble, rng) -> np.ndarray:
    """The violin follows the singer a moment late and softly."""
    late = round(rng.uniform(0.06, 0.14) * RATE)
    gain = np.concatenate([np.zeros(late), drawn.gain[:-late]]) * ensemble.shadow_level
    cents = np.concatenate([np.full(late, drawn.cents[0]), drawn.cents[:-late]])
    hz = ensemble.tonic_hz * 2 ** ((cents + ensemble.violin_shift) / 1200)
    return ensemble.violin.perform(replace(drawn, cents=cents, gain=gain), hz, (), rng)[0]


def _in_the_hall(y: np.ndarray, blocks: list[_Block], ensemble: _Ensemble, rng) -> np.ndarray:
    clapping = np.float32(0.1 * 10 ** (rng.uniform(-10, -2) / 20))
    wet = np.float32(10 ** (rng.uniform(-20, -9) / 20))
    start = 0
    for block in blocks:
        end = start + len(block.y)
        if block.score.section == "applause":
            y[start:end] += clapping * room.applause(len(block.y), SR, rng)
        start = end
    y += np.float32(ensemble.drone_level) * _drone(blocks, ensemble.tonic_hz, rng)
    y += wet * room.reverberated(y, room.impulse_response(SR, rng))
    y *= np.float32(10 ** (rng.uniform(-5, 1) / 20))
    y += rng.standard_normal(len(y), np.float32) * np.float32(10 ** (rng.uniform(-78, -62) / 20))
    return room.limited(y)


def _drone(blocks: list[_Block], tonic_hz: float, rng: np.random.Generator) -> np.ndarray:
    """The tanpura, its first string retuned between ragas with and without Pa."""
    tuning = [character(theory.raga(block.item.raga)).drone for block in blocks]
    ends = np.cumsum([len(block.y) for block in blocks])
    y = np.zeros(ends[-1], np.float32)
    for first_cents in sorted(set(tuning)):
        sound = room.tanpura(tonic_hz, first_cents, len(y), SR, rng)
        for cents, end, block in zip(tuning, ends, blocks, strict=True):
            part = slice(end - len(block.y), end)
            y[part] += sound[part] * (cents == first_cents)
    return y


def _with_truth(name: str, y: np.ndarray, blocks: list[_Block], ensemble: _Ensemble):
    segments, strokes, notes, beats, turns = [], [], [], [], []
    start_s = 0.0
    for i, block in enumerate(blocks):
        written = block.score
        segments.append(_segment(f"{name}-{i:02d}", name, start_s, block, ensemble))
        strokes += [replace(s, time_s=max(0.0, s.time_s + start_s)) for s in written.strokes]
        both = sorted([*written.lead, *written.violin], key=lambda note: note.start_s)
        notes += [replace(note, start_s=note.start_s + start_s) for note in both]
        beats += [(time_s + start_s, akshara) for time_s, akshara in written.beats]
        turns += _turns(written, start_s, ensemble.lead.instrument)
        start_s += len(block.y) / SR
    hz = np.concatenate([block.hz for block in blocks])
    return SampleConcert(
        y=y,
        sr=SR,
        recording=_recording(name, len(y) / SR, blocks, ensemble),
        segments=tuple(segments),
        f0_times=np.arange(len(hz)) / F0_RATE,
        f0_hz=hz,
        strokes=tuple(sorted(strokes, key=lambda stroke: stroke.time_s)),
        notes=tuple(notes),
        beats=tuple(beats),
        turns=tuple(turns),
    )


def _turns(written: Score, start_s: float, lead: str) -> list[tuple[float, float, str]]:
    """Runs of notes of one player, a gap of a second allowed."""
    tagged = [(n, lead) for n in written.lead] + [(n, "violin") for n in written.violin]
    turns: list[tuple[float, float, str]] = []
    for note, who in sorted(tagged, key=lambda pair: pair[0].start_s):
        a, b = note.start_s + start_s, note.end_s + start_s
        if turns and turns[-1][2] == who and a - turns[-1][1] < 1.0:
            turns[-1] = (turns[-1][0], b, who)
        else:
            turns.append((a, b, who))
    return turns


def _segment(segment_id: str, name: str, start_s: float, block: _Block, ensemble) -> Segment:
    section, item = block.score.section, block.item
    said = section != "applause"
    timed = said and section not in FREE
    composed = timed and section != "tani avartanam"
    drum = ensemble.artists[-1].instrument
    of = {"violin": "violin", "tani avartanam": drum}.get(section, ensemble.lead.instrument)
    artist = next(a.name for a in ensemble.artists if a.instrument == of)
    return Segment(
        recording_id=name,
        start_s=start_s,
        end_s=start_s + len(block.y) / SR,
        section=section,
        raga=theory.raga(item.raga).name if said and section != "tani avartanam" else None,
        tala=theory.tala(item.tala).name if timed else None,
        composer=item.composer if composed else None,
        composition=item.composition if composed else None,
        artist=artist if said else None,
        origin="import",
        status="approved",
        annotator="synthesis",
        mridangam_level=round(block.mridangam_level, 3),
        id=segment_id,
    )


def _recording(name: str, duration_s: float, blocks: list[_Block], ensemble) -> Recording:
    items = list(dict.fromkeys(block.item for block in blocks))
    only = items[0] if len(items) == 1 else None
    ragas = ", ".join(dict.fromkeys(theory.raga(item.raga).name for item in items))
    return Recording(
        id=name,
        title=f"Sample concert: {ragas}",
        duration_s=duration_s,
        rights="own",
        source="synthesised",
        artists=ensemble.artists,
        lead_artist=ensemble.artists[0].name,
        tonic_hz=ensemble.tonic_hz,
        raga=theory.raga(only.raga).name if only else None,
        tala=theory.tala(only.tala).name if only else None,
        composer=only.composer if only else None,
        composition=only.composition if only else None,
    )
