"""Lessons for the shipped model: sample concerts heard through many chains, and what is no concert.

    lesson(seed) -> Lesson     what was heard, and the section and the lead of every second

The seed decides everything. Seeds of one purpose never meet another's: `TRAIN`, `CHECK` (to
calibrate), `HELD_OUT` and `UNSEEN` (for the benchmark) are apart.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.records import SectionName, Segment
from core.segmentation import listening, variation
from core.segmentation.listening import Heard
from core.segmentation.negatives import KINDS, negative
from core.workspace import replacing

if TYPE_CHECKING:
    from core.synthesis.plan import Drum, Lead

TRAIN, CHECK, HELD_OUT, UNSEEN = 10_000, 20_000, 30_000, 40_000
LEADS = ("voice", "violin", "nobody")  # whoever else leads is taught as a voice

_SR = 24_000
_OTHERS = 0.4  # the share of lessons with another lead, and with another drum
_FAR_BACK = 0.4  # the share of lessons in a large hall
_CHAINS: tuple[tuple[SectionName, ...], ...] = (
    ("alapanai", "violin", "kriti", "neraval", "kalpanaswaram", "tani avartanam", "applause"),
    ("alapanai", "violin", "kriti", "neraval", "kalpanaswaram", "tani avartanam", "kriti",
     "applause"),
    ("alapanai", "violin", "tanam", "kriti", "kalpanaswaram", "tani avartanam", "applause"),
    ("kriti", "kalpanaswaram", "applause", "alapanai", "violin", "kriti"),
    ("kriti", "neraval", "kalpanaswaram", "tani avartanam", "applause"),
    ("viruttam", "kriti", "neraval", "kalpanaswaram", "applause", "tillana", "applause"),
    ("kriti", "applause", "alapanai", "kriti", "neraval", "kalpanaswaram"),
    ("alapanai", "violin", "kriti", "kalpanaswaram", "tani avartanam", "kriti"),
)  # fmt: skip


@dataclass(frozen=True)
class Lesson:
    """One recording and the truth about it.

    sections : np.ndarray [shape=(n_seconds,), str], "" where nothing is said
    leads : np.ndarray [shape=(n_seconds,), str], one of LEADS or ""
    """

    name: str
    heard: Heard
    segments: tuple[Segment, ...]
    sections: np.ndarray
    leads: np.ndarray


def lesson(seed: int, minutes: float = 5.0) -> Lesson:
    """The concert of a seed through any chain; every seventh seed is no concert."""
    rng = np.random.default_rng([seed, 5])
    if seed % 7 == 6:
        return _negative(seed, rng)
    chain = variation.any_chain(rng)
    if seed < HELD_OUT:
        chain = _heard_from(chain, np.random.default_rng([seed, 7]))
    elif seed >= UNSEEN:
        chain = replace(variation.UNSEEN, tilt_db=float(rng.normal(-1, 1)))
    return _concert(seed, minutes * float(rng.uniform(0.7, 1.3)), chain, rng)


def _concert(seed: int, minutes: float, chain: variation.Chain, rng) -> Lesson:
    from core.synthesis import Plan, plan, render

    (item, *_) = plan(seed, minutes).items
    sections = _CHAINS[rng.integers(len(_CHAINS))]
    lead = rng.choice(["voice", "voice", "voice", "voice", "violin"])
    other_lead, other_drum = _others(seed)
    written = Plan(
        (replace(item, sections=sections),),
        lead=other_lead or str(lead),
        drum=other_drum or ("close" if rng.random() < 0.6 else "mridangam"),
        drone_db=float(rng.uniform(-40, -12)),
        drum_db=float(rng.uniform(-14, 4)),
        shadow_db=float(rng.uniform(-18, -5)),
        words=8 + (seed % 2) * int(rng.integers(2, 20)),  # every second song has many
    )
    concert = render(seed, minutes, written)
    y, segments, turns = concert.y, list(concert.segments), list(concert.turns)
    if rng.random() < 0.3:  # someone announces it
        said = negative("speech", float(rng.uniform(10, 30)), _SR, rng)
        said *= np.float32(rng.uniform(0.3, 1.2) * np.std(y) / (np.std(said) + 1e-9))
        y, segments, turns = _announced(said, y, segments, turns)
    y = variation.through(y, _SR, chain, rng)
    return of_truth(concert.recording.id, listening.listen_to(y, _SR), segments, turns)


def _others(seed: int) -> tuple["Lead | None", "Drum | None"]:
    """Who leads and drums in place of a singer or violinist and a mridangam, `None` if nobody.

    What no lesson to train on has is kept for `UNSEEN`; held-out concerts are the usual ones.
    """
    if seed >= UNSEEN:
        return ("flute" if seed % 2 else None), ("ghatam" if seed % 3 else None)
    rng = np.random.default_rng([seed, 6])
    lead, drum = rng.choice(("nagaswaram", "veena")), rng.choice(("kanjira", "thavil"))
    other = (rng.random(2) < _OTHERS) & (seed < HELD_OUT)
    return (str(lead) if other[0] else None), (str(drum) if other[1] else None)


def _heard_from(chain: variation.Chain, rng: np.random.Generator) -> variation.Chain:
    """The same, for a share of the lessons from the back of a large hall."""
    return variation.far_back(chain, rng) if rng.random() < _FAR_BACK else chain


def _announced(said: np.ndarray, y: np.ndarray, segments: list[Segment], turns: list):
    by_s = len(said) / _SR
    moved = [replace(s, start_s=s.start_s + by_s, end_s=s.end_s + by_s) for s in segments]
    speech = replace(
        segments[0], start_s=0.0, end_s=by_s, section="speech", id="said", mridangam_level=None
    )
    later = [(start + by_s, end + by_s, who) for start, end, who in turns]
    return np.concatenate([said, y]), [speech, *moved], later


def _negative(seed: int, rng: np.random.Generator) -> Lesson:
    kind = KINDS[(seed // 7) % len(KINDS)]
    duration_s = float(rng.uniform(30, 120))
    y = negative(kind, duration_s, _SR, rng)
    y = variation.through(y, _SR, variation.any_chain(rng), rng)
    name = f"{kind}-{seed}"
    section: SectionName = "speech" if kind == "speech" else "other"
    whole = Segment(name, 0.0, duration_s, section, origin="import", status="approved")
    lesson = of_truth(name, listening.listen_to(y, _SR), [whole], [])
    return replace(lesson, leads=np.full(len(lesson.sections), "", "<U6"))


def of_truth(
    name: str, heard: Heard, segments: list[Segment], turns: list[tuple[float, float, str]] = ()
) -> Lesson:
    """A lesson from segments and, where they are known, from who leads when."""
    sections = of_segments(segments, len(heard))
    leads = np.full(len(heard), "nobody" if turns else "", "<U6")
    for start_s, end_s, who in turns:
        lead = who if who in LEADS else "voice"
        leads[round(start_s) : max(round(end_s), round(start_s) + 1)] = lead
    leads[sections == "speech"] = ""
    return Lesson(name, heard, tuple(segments), sections, leads)


def of_segments(segments: list[Segment], n_seconds: int) -> np.ndarray:
    """The section of every second, "" where none is said; a violin passage covers what it is in."""
    sections = np.full(n_seconds, "", "<U16")
    for each in sorted(segments, key=lambda s: s.section == "violin"):
        sections[round(each.start_s) : round(each.end_s)] = each.section
    return sections


def lessons(
    seeds: range, folder: Path, minutes: float = 5.0, tell: Callable[[str], None] | None = None
) -> list[Lesson]:
    """The lessons of these seeds; what was rendered before is read from `folder`."""
    found = []
    for seed in seeds:
        path = Path(folder) / f"lesson-{seed}.npz"
        if not path.exists():
            save(lesson(seed, minutes), path)
            if tell:
                tell(f"lesson {seed}")
        found.append(load(path))
    return found


def save(lesson: Lesson, path: Path) -> None:
    """Keep a lesson: arrays, and its segments as JSON."""
    from pydantic import TypeAdapter

    said = TypeAdapter(tuple[Segment, ...]).dump_json(lesson.segments)
    with replacing(path) as part:
        np.savez(
            part,
            name=lesson.name,
            rows=lesson.heard.rows,
            onset=lesson.heard.onset,
            duration_s=lesson.heard.duration_s,
            sections=lesson.sections,
            leads=lesson.leads,
            segments=np.frombuffer(said, np.uint8),
        )


def load(path: Path) -> Lesson:
    """The inverse of `save`."""
    from pydantic import TypeAdapter

    with np.load(path, allow_pickle=False) as kept:
        segments = TypeAdapter(tuple[Segment, ...]).validate_json(kept["segments"].tobytes())
        heard = Heard(kept["rows"], kept["onset"], float(kept["duration_s"]))
        return Lesson(str(kept["name"]), heard, segments, kept["sections"], kept["leads"])
