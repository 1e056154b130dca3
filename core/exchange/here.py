"""What a file brings back: regions that the recording has already are changed, not marked again."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from core.edits import TOUCHING_S
from core.exchange.marks import FIELDS, KEPT_ID, Mark
from core.records import Segment

_KEPT = ("origin", "status", "annotator")  # an empty cell does not take these away
_STEP_S = 0.01  # of the index by time; several times what may lie between two twins


class Here:
    """The segments that a recording has."""

    def __init__(self, segments: Iterable[Segment]):
        self._by_id = {each.id: each for each in segments}
        self._by_start: dict[tuple[str, int], list[Segment]] = defaultdict(list)
        for each in self._by_id.values():
            self._by_start[each.section, round(each.start_s / _STEP_S)].append(each)
        self._taken: set[str] = set()

    def known(self, segment: Segment, mark: Mark, annotator: str | None) -> Segment:
        """`segment` under the id of the one that it is: by its id, or by its times and section.

        Times that a format rounded are not changed, and what the file is silent of stays. Someone
        else's region (`annotator` is who imports, if they say so) is never taken for one's own.
        """
        before = self._by_id.get(str(mark.said.get(KEPT_ID))) or self._twin(
            segment, mark, annotator
        )
        if before is None:
            return segment
        self._taken.add(before.id)
        kept = {
            name: getattr(before, name)
            for name in FIELDS
            if name not in mark.said or (name in _KEPT and not mark.said[name])
        }
        for name in ("start_s", "end_s"):
            if _is_same(getattr(before, name), getattr(segment, name)):
                kept[name] = getattr(before, name)
        return replace(segment, id=before.id, **kept)

    def _twin(self, segment: Segment, mark: Mark, annotator: str | None) -> Segment | None:
        whose = mark.said.get("annotator") or annotator
        step = round(segment.start_s / _STEP_S)
        for key in (step - 1, step, step + 1):
            for each in self._by_start.get((segment.section, key), ()):
                is_theirs = whose is not None and each.annotator != whose
                if each.id in self._taken or is_theirs or each.status == "rejected":
                    continue
                if _is_same(each.start_s, segment.start_s) and _is_same(each.end_s, segment.end_s):
                    return each
        return None


def _is_same(one_s: float, other_s: float) -> bool:
    return abs(one_s - other_s) <= 1.5 * TOUCHING_S  # rounded to milliseconds, at both ends
