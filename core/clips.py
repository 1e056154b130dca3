"""Stage 5, what to export: which stretches of which segments become clips, decided before writing.

A clip has the codec's own length and lies wholly inside one segment. `plan` decides everything that
can be decided without reading audio, so a preview costs no decoding.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from core.caption import captions
from core.errors import DatasetError
from core.fields import known_fields
from core.measure import heard_facts, kept_measures, leveled
from core.metadata import Row
from core.recipe import ANY_TONIC_HZ, ExportConfig, codec_of
from core.records import Recording, Segment
from core.splits import Splits, assign
from core.templates import templates
from core.variants import edited
from core.workspace import Workspace

WORDS = ("raga", "tala", "composer", "composition", "artist", "instrument", "mridangam")
WORDS += ("tempo", "register", "density")


@dataclass(frozen=True)
class Clip:
    """One future example: where it is heard, what is said of it, in which split."""

    recording: Recording
    segment: Segment
    start_s: float
    end_s: float
    split: str
    text: str
    captions: tuple[str, ...]
    by_hand: bool = False  # a person wrote the caption
    known: Mapping[str, str] = field(default_factory=dict)  # every field, in words

    @property
    def stem(self) -> str:
        """File name without its ending: recording, start in ms, segment."""
        of_segment = sha256(self.segment.id.encode()).hexdigest()[:8]
        return f"{self.recording.id}-{round(1000 * self.start_s):09d}-{of_segment}"


@dataclass(frozen=True)
class Plan:
    """All clips of a dataset, in order, and what a person should know before making it."""

    config: ExportConfig
    clips: tuple[Clip, ...]
    splits: Splits
    notes: tuple[str, ...]

    def counts(self) -> list[dict[str, str | int]]:
        """Clips by section, raga and split: rows of a table."""
        counted = Counter(
            (clip.segment.section, clip.known.get("raga", ""), clip.split) for clip in self.clips
        )
        return [
            {"section": section, "raga": raga, "split": split, "clips": n}
            for (section, raga, split), n in sorted(counted.items())
        ]

    @property
    def hours(self) -> float:
        """Length of all clips together."""
        return sum(clip.end_s - clip.start_s for clip in self.clips) / 3600


@dataclass
class _Selection:
    """Segments that pass the configuration's filters, and why others did not."""

    chosen: list[tuple[Recording, Segment]] = field(default_factory=list)
    left_out: Counter = field(default_factory=Counter)


def plan(
    config: ExportConfig,
    workspace: Workspace,
    library,
    kept: Mapping[str, str] | None = None,
    same: Iterable[Set[str]] = (),
) -> Plan:
    """Decide every clip of a dataset.

    Parameters
    ----------
    kept : recording id -> split of an earlier export, which stays.
    same : sets of recording ids that hold the same audio.

    Raises
    ------
    DatasetError
        If nothing would come out; the message says what there is instead.
    """
    clip_s = codec_of(config, ANY_TONIC_HZ).clip_s  # the same for every tonic
    selection = _select(config, workspace, library, clip_s)
    if not selection.chosen:
        raise DatasetError(_nothing(config, library, selection, clip_s))
    recordings = {recording.id: recording for recording, _ in selection.chosen}
    splits = assign(recordings.values(), kept, same, _heard(selection))
    clips = [
        clip
        for recording, segment in selection.chosen
        for clip in _cut(config, recording, segment, clip_s)
    ]
    clips = worded(config, _balanced(config, clips), workspace, splits)
    left_out = (f"{n} segments {why}." for why, n in selection.left_out.items())
    notes = [*splits.notes, *_untaught(clips), *left_out]
    return Plan(config, tuple(clips), splits, tuple(notes))


def raga_of(segment: Segment, recording: Recording) -> str | None:
    """The raga heard in a segment: its own, or its recording's where that must hold."""
    return known_fields(segment, recording).get("raga")


def _select(config: ExportConfig, workspace: Workspace, library, clip_s: float) -> _Selection:
    selection = _Selection()
    recordings = {recording.id: recording for recording in library.recordings()}
    measures = {each: kept_measures(each, workspace) for each in recordings}
    for segment in library.segments():
        recording = recordings[segment.recording_id]
        segment = leveled(segment, measures[recording.id])
        reason = _reason_against(config, recording, segment, clip_s)
        if reason:
            selection.left_out[reason] += 1
        else:
            selection.chosen.append((recording, segment))
    selection.chosen.sort(key=lambda pair: (pair[0].id, pair[1].start_s, pair[1].id))
    return selection


def _heard(selection: _Selection) -> dict[str, set[str]]:
    """The ragas and sections of each recording, by its id."""
    heard = defaultdict(set)
    for recording, segment in selection.chosen:
        heard[recording.id] |= {segment.section, raga_of(segment, recording)} - {None}
    return heard


def _reason_against(
    config: ExportConfig, recording: Recording, segment: Segment, clip_s: float
) -> str | None:
    level = segment.mridangam_level
    if segment.status not in config.statuses:
        return f"are {segment.status}"
    if segment.section not in config.sections:
        return "are of other sections"
    if config.ragas and raga_of(segment, recording) not in config.ragas:
        return "are in other ragas"
    if segment.duration_s + 1e-6 < max(clip_s, config.min_s):  # 1e-6: sums of decimal seconds
        return f"are shorter than {max(clip_s, config.min_s):.4g} s"
    if config.max_s is not None and segment.duration_s > config.max_s:
        return f"are longer than {config.max_s:g} s"
    if config.max_mridangam is not None and level is not None and level > config.max_mridangam:
        return "have too much mridangam"
    return None


def _nothing(config: ExportConfig, library, selection: _Selection, clip_s: float) -> str:
    if not library.recordings():
        return "The library is empty. Import a recording and mark its sections first."
    if not selection.left_out:
        return "No segment is marked yet. Mark some in the Segment tab and approve them."
    reasons = "; ".join(f"{n} {why}" for why, n in selection.left_out.most_common())
    return (
        f"Nothing to export: wanted {' or '.join(config.statuses)} segments of at least "
        f"{clip_s:.4g} s, found {sum(selection.left_out.values())} segments ({reasons}). "
        "Approve segments in the Segment tab, or choose other statuses, sections or ragas."
    )


def _cut(
    config: ExportConfig, recording: Recording, segment: Segment, clip_s: float
) -> Iterable[Clip]:
    hop_s = config.hop_s or clip_s
    n_clips = int((segment.duration_s - clip_s + 1e-6) // hop_s) + 1
    for index in range(n_clips):
        start_s = segment.start_s + index * hop_s
        yield Clip(recording, segment, start_s, start_s + clip_s, "train", "", ())


def _balanced(config: ExportConfig, clips: list[Clip]) -> list[Clip]:
    """Thin out what there is too much of, evenly over each group's clips."""
    limits = (
        (config.max_per_recording, lambda clip: clip.recording.id),
        (config.max_per_raga, lambda clip: raga_of(clip.segment, clip.recording)),
        (config.max_per_section, lambda clip: clip.segment.section),
    )
    for limit, group_of in limits:
        if limit is not None:
            groups = defaultdict(list)
            for index, clip in enumerate(clips):
                groups[group_of(clip)].append(index)
            keep = {each for group in groups.values() for each in _evenly(group, limit)}
            clips = [clip for index, clip in enumerate(clips) if index in keep]
    return clips


def _evenly(items: list[int], n: int) -> list[int]:
    """At most `n` of `items`, spread over their whole range.

    >>> _evenly([0, 1, 2, 3, 4, 5], 3)
    [0, 2, 4]
    """
    if len(items) <= n:
        return items
    return [items[index * len(items) // n] for index in range(n)]


def worded(
    config: ExportConfig, clips: list[Clip], workspace: Workspace, splits: Splits
) -> list[Clip]:
    """Give each clip its split and its captions; one written by hand is the only one."""
    words = templates(config.template, workspace)
    by_hand = edited(workspace)
    ids = {clip.recording.id for clip in clips}
    measures = {each: kept_measures(each, workspace) for each in ids}
    said: dict[str, dict] = {}  # of each segment
    for clip in clips:
        segment, recording = clip.segment, clip.recording
        if segment.id in said:
            continue
        heard = heard_facts(segment, recording, measures[recording.id])
        known = known_fields(segment, recording, heard)
        if segment.id in by_hand:
            found: tuple[str, ...] = (by_hand[segment.id],)
        else:
            found = captions(known, words, config.n_captions, f"{config.seed} {segment.id}")
        said[segment.id] = {
            "split": splits.of[recording.id],
            "text": found[0],
            "captions": found,
            "by_hand": segment.id in by_hand,
            "known": known,
        }
    return [replace(clip, **said[clip.segment.id]) for clip in clips]


def _untaught(clips: list[Clip]) -> Iterable[str]:
    """Which ragas are asked of a model that training never showed it."""
    ragas = defaultdict(set)
    for clip in clips:
        ragas[clip.split].add(clip.known.get("raga"))
    for split in ("validation", "test"):
        only = sorted(ragas[split] - ragas["train"] - {None})
        if only:
            yield f"Only in the {split} split, not in training: {', '.join(only)}."


def row_of(clip: Clip, measured: Mapping[str, object]) -> Row:
    """Everything a dataset says of one clip; `measured` is the row its shard returned."""
    recording, segment = clip.recording, clip.segment
    return {
        "file_name": Path(str(measured["file_name"])).name,
        "text": clip.text,
        "section": segment.section,
        **{name: clip.known.get(name, "") for name in WORDS},
        "tonic_hz": None if recording.tonic_hz is None else float(recording.tonic_hz),
        "mridangam_level": segment.mridangam_level,
        "loudness_db": measured["loudness_db"],
        "recording_id": recording.id,
        "segment_id": segment.id,
        "start_s": float(clip.start_s),
        "end_s": float(clip.end_s),
        "title": recording.title,
        "source": recording.source,
        "rights": recording.rights,
        "status": segment.status,
        "caption_origin": "human" if clip.by_hand else "template",
        "captions": list(clip.captions),
    }
