"""Learn from what people approved; the new model replaces the old where it is better.

    approved segments --retrain--> Outcome     models/segmentation.npz, if it is

Every recording with approved sections is once left out and suggested by a model that learned from
the others (and from the rows kept of the sample concerts), and by the present one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from core.errors import DatasetError
from core.library import Library
from core.records import Recording, Segment
from core.segmentation import listening
from core.segmentation.bootstrap import groups, section_rows
from core.segmentation.evaluation import by_second, f1, macro, truth_of
from core.segmentation.fitting import Rows, fit
from core.segmentation.listening import Heard
from core.segmentation.model import Model, current, own
from core.segmentation.schooling import Lesson, of_truth
from core.segmentation.suggesting import suggest
from core.workspace import Workspace

Progress = Callable[[float, str], None]

LEAST_S = 20.0  # of approved sections, for a recording to be learned from
MOST_FOLDS = 10  # more recordings than this are left out in groups
_EACH = 4.0  # a row of a user's recording against one of a sample concert


@dataclass(frozen=True)
class Outcome:
    """What came of a training; macro-F1 on recordings neither model has learned from."""

    n_recordings: int
    before: float
    after: float
    replaced: bool

    def told(self) -> str:
        """In a sentence."""
        numbers = f"macro-F1 {self.before:.3f} before, {self.after:.3f} after"
        held = f"on each of {self.n_recordings} recordings while it was left out ({numbers})"
        if self.replaced:
            return f"Better by {self.after - self.before:.3f} {held}. It is used from now on."
        return f"No better {held}. The model stays as it was; approve more and try again."


def retrain(workspace: Workspace, library: Library, progress: Progress | None = None) -> Outcome:
    """Learn from all approved segments of the library.

    Raises
    ------
    DatasetError
        If fewer than two recordings have approved sections.
    """
    show = progress or (lambda share, what: None)
    lessons = approved(workspace, library, lambda share, what: show(0.5 * share, what))
    if len(lessons) < 2:
        raise DatasetError(
            f"{len(lessons)} recording has approved sections of {LEAST_S:.0f} s or more; at least "
            "2 are needed, so that one can be left out to see whether the other taught anything. "
            "Approve sections of another recording."
        )
    before = current(workspace)
    scores = _left_out(lessons, before, lambda share, what: show(0.5 + 0.4 * share, what))
    better = scores[1] > scores[0]
    if better:
        show(0.95, "Learning from all of them")
        learned(before, lessons, scores).save(own(workspace))
    show(1.0, "Done")
    return Outcome(len(lessons), *scores, better)


def approved(
    workspace: Workspace, library: Library, progress: Progress | None = None
) -> list[Lesson]:
    """Every recording with approved sections, as a lesson."""
    by_recording: dict[str, list[Segment]] = {}
    for segment in library.segments(status="approved"):
        by_recording.setdefault(segment.recording_id, []).append(segment)
    enough = {
        recording_id: segments
        for recording_id, segments in by_recording.items()
        if sum(each.duration_s for each in segments) >= LEAST_S
    }
    found = []
    for place, (recording_id, segments) in enumerate(sorted(enough.items())):
        if progress:
            progress(place / len(enough), f"Listening to {recording_id}")
        heard = listening.heard(recording_id, workspace)
        found.append(of_truth(recording_id, heard, segments))
    return found


def learned(
    model: Model, lessons: Sequence[Lesson], scores: tuple[float, float] | None = None
) -> Model:
    """The model with new members in its section network, of these recordings and the rows kept.

    The shipped members stay, since they have heard far more than the rows kept; what a person's
    recordings taught before is learned anew.
    """
    rows = section_rows(lessons, model.lead)
    rows = replace(rows, weight=_EACH * rows.weight)
    together = Rows.joined([model.kept, rows])
    section = fit(together, groups(), beside=model.section)
    section = replace(section, usual=max(section.usual, model.section.usual))
    about = {
        **model.about,
        "learned from": [lesson.name for lesson in lessons],
        "learned at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if scores:
        about["macro-F1 on recordings left out, before and after"] = list(scores)
    return replace(model, section=section, about=about)


def _left_out(lessons: Sequence[Lesson], before: Model, show: Progress) -> tuple[float, float]:
    """Macro-F1 of the present model and of one that learned from the other recordings."""
    n_folds = min(len(lessons), MOST_FOLDS)
    fold = np.arange(len(lessons)) % n_folds
    truths, old, new = [], [], []
    for out in range(n_folds):
        show(out / n_folds, f"Leaving out {lessons[out].name}")
        after = learned(before, [each for each, f in zip(lessons, fold, strict=True) if f != out])
        for lesson in (each for each, f in zip(lessons, fold, strict=True) if f == out):
            truths.append(truth_of(lesson.segments, len(lesson.heard)))
            old.append(_suggested(lesson.heard, before))
            new.append(_suggested(lesson.heard, after))
    return macro(f1(truths, old), ALL), macro(f1(truths, new), ALL)


ALL = ("alapanai", "tanam", "kriti", "neraval", "kalpanaswaram", "tani avartanam", "violin",
       "viruttam", "tillana", "applause", "speech", "other")  # fmt: skip


def _suggested(heard: Heard, model: Model) -> np.ndarray:
    return by_second(suggest(heard, model), len(heard))


def to_mark_next(workspace: Workspace, library: Library) -> list[tuple[Recording, float]]:
    """Recordings without approved sections, the one the model is least sure of first.

    Only those that were listened to; the number is the mean confidence over the time, 0..1.
    """
    model = current(workspace)
    marked = {segment.recording_id for segment in library.segments(status="approved")}
    found = []
    for recording in library.recordings():
        if recording.id in marked:
            continue
        heard = listening.read(workspace.features(recording.id, listening.KIND))
        if heard is not None and not heard.is_silent:
            found.append((recording, sureness(heard, model)))
    return sorted(found, key=lambda pair: pair[1])


def sureness(heard: Heard, model: Model) -> float:
    """Mean confidence of what would be suggested, by duration, 0..1."""
    found = suggest(heard, model)
    total_s = sum(each.duration_s for each in found)
    return float(sum(each.confidence * each.duration_s for each in found) / total_s)
