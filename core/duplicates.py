"""Stage 5, which recordings hold the same audio: compared once, remembered in the workspace."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from core.errors import LibraryError
from core.executors import in_parallel, processors
from core.fingerprint import fingerprint_of, same_audio, together
from core.recipe import ExportConfig
from core.workspace import Workspace, replacing

WORTH_PROCESSES = 6  # recordings; for fewer, starting processes takes longer


@dataclass
class Comparisons:
    """What is known: the audio that was compared with all other of these, and who is the same."""

    stamps: dict[str, int] = field(default_factory=dict)  # recording id -> its audio's time
    pairs: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, workspace: Workspace) -> "Comparisons":
        """What earlier exports found."""
        path = workspace.features("library", "duplicates")
        if not path.exists():
            return cls()
        with np.load(path) as kept:
            stamps = dict(zip(kept["ids"].tolist(), kept["stamps"].tolist(), strict=True))
            return cls(stamps, [tuple(pair) for pair in kept["pairs"].tolist()])

    def save(self, workspace: Workspace) -> None:
        """Remember it."""
        with replacing(workspace.features("library", "duplicates")) as part:
            np.savez(
                part,
                ids=np.array(list(self.stamps), dtype=str),
                stamps=np.array(list(self.stamps.values()), np.int64),
                pairs=np.array(self.pairs, dtype=str).reshape(-1, 2),
            )

    def holds(self, recording_id: str, workspace: Workspace) -> bool:
        """Whether this recording was compared, as its audio is now."""
        return self.stamps.get(recording_id) == _stamp(recording_id, workspace)


def known_duplicates(recording_ids: Sequence[str], workspace: Workspace) -> list[frozenset[str]]:
    """Sets of recordings with the same audio, as far as earlier exports listened."""
    known = Comparisons.of(workspace)
    valid = {each for each in recording_ids if known.holds(each, workspace)}
    return together(pair for pair in known.pairs if valid.issuperset(pair))


def find_duplicates(
    recording_ids: Sequence[str],
    workspace: Workspace,
    config: ExportConfig,
    on_heard: Callable[[str], None],
) -> bool:
    """Listen to what was not yet compared, and compare it; say whether there was any."""
    known = Comparisons.of(workspace)
    new = {each for each in recording_ids if not known.holds(each, workspace)}
    if not new:
        return False
    prints = _fingerprints(sorted({*recording_ids, *known.stamps}), workspace, config, on_heard)
    known.pairs = [pair for pair in known.pairs if not new & set(pair)]
    known.pairs += same_audio(prints, new)
    known.stamps = {each: _stamp(each, workspace) for each in prints}
    known.save(workspace)
    return True


def _fingerprints(
    ids: Sequence[str], workspace: Workspace, config: ExportConfig, on_heard: Callable[[str], None]
) -> dict[str, np.ndarray]:
    ids = [each for each in ids if _stamp(each, workspace)]
    hear = partial(fingerprint_of, workspace=workspace)
    if len(ids) >= WORTH_PROCESSES:
        machine = (config.workers or processors(), config.scheduler)
        heard = in_parallel(hear, ids, machine, lambda each, _: on_heard(each or ""))
        return dict(zip(ids, heard, strict=True))
    found = {}
    for each in ids:
        on_heard(each)
        found[each] = hear(each)
    return found


def _stamp(recording_id: str, workspace: Workspace) -> int | None:
    """When its audio was written; None where it is gone."""
    try:
        return workspace.audio(recording_id).stat().st_mtime_ns
    except LibraryError:
        return None
