"""Stage 5, who is tested on whom: recordings go to train, validation or test by their artist.

The split of an artist is drawn from a hash of the name, so it stays what it is when recordings are
added. A recording without a known lead artist is its own group. The drawn split is changed only
where a library is too small for the draw to give a training and a validation part, and where it
would hold out a raga or a section that training then never hears; an artist moves for that, whose
place is taken by one whose ragas and sections others sing too.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from core.records import Recording

SPLITS = ("train", "validation", "test")
SHARES = {"test": 0.1, "validation": 0.1}  # of the groups; the rest trains
GROUPS_TO_VALIDATE, GROUPS_TO_TEST = 3, 6  # with fewer, every clip is worth more as training


@dataclass(frozen=True)
class Splits:
    """The split of each recording id, and what a person should know about them."""

    of: dict[str, str]
    notes: tuple[str, ...] = ()


def assign(
    recordings: Iterable[Recording],
    kept: Mapping[str, str] | None = None,
    same: Iterable[Set[str]] = (),
    heard: Mapping[str, Set[str]] | None = None,
) -> Splits:
    """Give each recording its split.

    `kept` maps recording ids to splits that must not change (those of an earlier export); other
    recordings of the same artist follow them. `same` are sets of ids that hold the same audio,
    `heard` the ragas and sections of each.
    """
    recordings, same = list(recordings), list(same)
    notes = [f"The same audio, kept in one split: {', '.join(sorted(each))}." for each in same]
    groups = _merged(_groups(recordings), same)
    alone = _merged({recording.id: [recording.id] for recording in recordings}, same)
    if len(groups) < GROUPS_TO_VALIDATE <= len(alone):
        groups = alone
        notes.append("The same artist is heard in several splits: there are too few artists.")
    kept = kept or {}
    fixed = {key: _kept(members, kept) for key, members in groups.items()}
    split = {key: fixed[key] or _drawn(key) for key in groups}
    free = {key for key, found in fixed.items() if found is None}
    _mend(split, free)
    if heard:
        sung = {
            key: set().union(*(heard.get(each, ()) for each in ids)) for key, ids in groups.items()
        }
        _teach(split, free, sung)
    of = {each: split[key] for key, members in groups.items() for each in members}
    of |= {each: found for each, found in kept.items() if each in of and not _linked(each, same)}
    return Splits(of, (*notes, *_missing(of, len(groups))))


def _groups(recordings: list[Recording]) -> dict[str, list[str]]:
    """Recording ids by what may not straddle splits: the lead artist, else the recording itself."""
    groups = defaultdict(list)
    for recording in recordings:
        artist = " ".join((recording.lead_artist or "").casefold().split())
        groups[f"artist {artist}" if artist else recording.id].append(recording.id)
    return dict(groups)


def _linked(recording_id: str, same: Iterable[Set[str]]) -> bool:
    return any(recording_id in ids for ids in same)


def _merged(groups: dict[str, list[str]], same: Iterable[Set[str]]) -> dict[str, list[str]]:
    """Groups with those put together that share audio, under the first of their keys."""
    for ids in same:
        linked = sorted(key for key, members in groups.items() if ids & set(members))
        if linked:
            first, *others = linked
            groups = groups | {first: [each for key in linked for each in groups[key]]}
            groups = {key: members for key, members in groups.items() if key not in others}
    return groups


def _kept(members: list[str], kept: Mapping[str, str]) -> str | None:
    found = [kept[each] for each in sorted(members) if each in kept]
    return max(SPLITS, key=found.count) if found else None


def _place(key: str) -> float:
    """A group's place in 0..1, the same on every machine."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / 2**48


def _drawn(key: str) -> str:
    place = _place(key)
    for split, share in SHARES.items():
        if place < share:
            return split
        place -= share
    return "train"


def _mend(split: dict[str, str], free: set[str]) -> None:
    """Move drawn groups so that training, then validation, then test are not empty if possible."""
    wanted = {"train": 1, "validation": GROUPS_TO_VALIDATE, "test": GROUPS_TO_TEST}
    for part, n_groups in wanted.items():
        if part in split.values() or len(split) < n_groups:
            continue
        donors = [key for key in free if list(split.values()).count(split[key]) > (part != "train")]
        if donors:
            move = max if part == "train" else min
            split[move(donors, key=_place)] = part
    if len(split) < GROUPS_TO_VALIDATE:
        split.update(dict.fromkeys(free, "train"))


def _teach(split: dict[str, str], free: set[str], sung: Mapping[str, set[str]]) -> None:
    """Move drawn groups into training that alone hold what it lacks, and others in their place."""
    for key in sorted(free, key=_place):
        part = split[key]
        if part == "train" or not sung[key] - _taught(split, sung):
            continue
        split[key] = "train"
        if part not in split.values():
            spare = [each for each in free - {key} if _is_spare(each, split, sung)]
            split[min(spare, key=_place) if spare else key] = part


def _taught(split: Mapping[str, str], sung: Mapping[str, set[str]], but: str = "") -> set[str]:
    trained = (sung[key] for key, part in split.items() if part == "train" and key != but)
    return set().union(*trained)


def _is_spare(key: str, split: Mapping[str, str], sung: Mapping[str, set[str]]) -> bool:
    return split[key] == "train" and sung[key] <= _taught(split, sung, but=key)


def _missing(of: Mapping[str, str], n_groups: int) -> list[str]:
    wanted = {"validation": GROUPS_TO_VALIDATE, "test": GROUPS_TO_TEST}
    return [
        f"No {part} split: there are {n_groups} artists or recordings to divide; {n} are enough."
        for part, n in wanted.items()
        if part not in of.values()
    ]
