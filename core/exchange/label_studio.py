"""Label Studio's JSON: its export of audio regions read, and tasks for its import written.

A task holds `annotations` (what people marked) and `predictions` (what was proposed); the results
of one region share its id: its label, and a text for whatever else is said of it. So a project
with the labelling interface `INTERFACE` shows and gives back all that we hold. The short export
(JSON-MIN) lists labels without regions' ids, and so without their texts.

Source: labelstud.io/guide/task_format and /guide/predictions.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from core.errors import AnnotationError
from core.exchange.jams_file import not_json
from core.exchange.marks import (
    FIELDS,
    KEPT_ID,
    Faults,
    Mark,
    decoded,
    field_named,
    fields_of,
    number,
)
from core.records import SECTIONS, Recording, Segment

INTERFACE = "\n".join(
    (
        "<View>",
        '  <Labels name="section" toName="audio">',
        *(f'    <Label value="{name}"/>' for name in SECTIONS),
        "  </Labels>",
        '  <Audio name="audio" value="$audio"/>',
        *(
            f'  <TextArea name="{name}" toName="audio" perRegion="true" placeholder="{name}"/>'
            for name in FIELDS
        ),
        "</View>",
    )
)
_AUDIO, _SECTION = "audio", "section"
_PREDICTED = "studio"


def read(content: bytes) -> list[Mark]:
    """The labelled regions of all tasks; `tier` begins with the name of the task's audio.

    A prediction that a person has since taken over (Label Studio keeps its id) is passed over.

    Raises
    ------
    AnnotationError
        If it is not Label Studio's JSON, is cut off, or a region has no times.
    """
    try:
        told = json.loads(decoded(content))
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, AnnotationError) else not_json(error) from error
    tasks = told if isinstance(told, list) else [told]
    if not all(isinstance(task, dict) for task in tasks):
        raise AnnotationError("This JSON is not a list of Label Studio tasks. Export it as JSON.")
    faults = Faults("This Label Studio file cannot be taken as it is.")
    marks = [
        mark
        for n, task in enumerate(tasks, start=1)
        for mark in _marks(task, f"task {task.get('id', n)}", faults)
    ]
    faults.settle()
    return marks


def write(recording: Recording, segments: list[Segment]) -> bytes:
    """One task: what people marked as annotations, one each, and proposals as a prediction."""
    people: dict[str | None, list[Segment]] = defaultdict(list)
    proposed = []
    for each in segments:
        is_proposal = each.origin not in ("human", "import") and each.status == "draft"
        (proposed if is_proposal else people[each.annotator]).append(each)
    data = {_AUDIO: recording.source, "recording": recording.id, "title": recording.title}
    task = {
        "data": data,
        "annotations": [{"result": _results(group, recording)} for group in people.values()],
        "predictions": [
            {"model_version": _PREDICTED, "result": _results(group, recording)}
            for group in [proposed]
            if group
        ],
    }
    return json.dumps([task], ensure_ascii=False, indent=1).encode()


def _results(segments: list[Segment], recording: Recording) -> list[dict]:
    results = []
    for each in segments:
        span = {"start": each.start_s, "end": each.end_s, "channel": 0}
        common = {"id": each.id, "to_name": _AUDIO, "original_length": recording.duration_s}
        label = {"from_name": _SECTION, "type": "labels", "origin": "manual"}
        if each.confidence is not None:
            label["score"] = each.confidence
        results.append({**common, **label, "value": {**span, "labels": [each.section]}})
        for name, text in fields_of(each).items():
            area = {"from_name": name, "type": "textarea", "value": {**span, "text": [text]}}
            results.append({**common, **area})
    return results


def _marks(task: dict, name: str, faults: Faults) -> Iterator[Mark]:
    audio = _audio(task)
    people = [each for each in _list(task, "annotations") if not each.get("was_cancelled")]
    taken: set[str] = set()
    for k, annotation in enumerate(people, start=1):
        who = _annotator(annotation)
        by = f" by {who}" if who else ""
        tier = f"{audio}: annotation {k}{by}"
        said = {"annotator": who} if who else {}
        for mark_id, mark in _regions(annotation, f"{name}, annotation {k}", tier, said, faults):
            taken.add(mark_id)
            yield mark
    for k, prediction in enumerate(_list(task, "predictions"), start=1):
        tier = f"{audio}: prediction {prediction.get('model_version') or k}"
        said = {"origin": "suggested"}
        for mark_id, mark in _regions(prediction, f"{name}, prediction {k}", tier, said, faults):
            if mark_id not in taken:
                yield mark
    if "annotations" not in task and "predictions" not in task:
        yield from _short(task, audio, name, faults)


def _regions(
    told: dict, where: str, tier: str, said: dict, faults: Faults
) -> Iterator[tuple[str, Mark]]:
    by_id: dict[str, list[dict]] = defaultdict(list)
    for n, result in enumerate(_list(told, "result"), start=1):
        by_id[str(result.get("id") or f"result {n}")].append(result)
    for region_id, results in by_id.items():
        labels = next((each for each in results if "labels" in _value(each)), None)
        timed = labels or next((each for each in results if "start" in _value(each)), None)
        if timed is None:
            continue  # said of the whole recording, not of a region
        with faults.at(f"{where}, region {region_id}"):
            start = number(_value(timed).get("start"), "start")
            end = number(_value(timed).get("end"), "end")
            emptied = dict.fromkeys(FIELDS, "")  # a text that was taken out of a region is gone
            fields = {**emptied, **said, **_texts(results), KEPT_ID: region_id}
            if isinstance(timed.get("score"), int | float):
                fields["confidence"] = fields["confidence"] or timed["score"]
            label = _label(timed)
            yield region_id, Mark(start, end, label, f"{where}, region {region_id}", fields, tier)


def _texts(results: list[dict]) -> dict[str, str]:
    """What the texts and choices of a region say, by our fields."""
    found = {}
    for each in results:
        name = field_named(str(each.get("from_name", "")))
        value = _value(each)
        text = value.get("text", value.get("choices"))
        lines = text if isinstance(text, list) else [text]
        if name and "labels" not in value and all(isinstance(line, str) for line in lines):
            found[name] = "\n".join(lines)
    return found


def _short(task: dict, audio: str, name: str, faults: Faults) -> Iterator[Mark]:
    """The regions of a JSON-MIN task: any list of labelled stretches."""
    who = _annotator({"completed_by": task.get("annotator")})
    for key, value in task.items():
        for n, each in enumerate(value if isinstance(value, list) else [], start=1):
            if not (isinstance(each, dict) and "labels" in each):
                continue
            where = f"{name}, {key} {n}"
            with faults.at(where):
                start, end = number(each.get("start"), "start"), number(each.get("end"), "end")
                said = {"annotator": who} if who else {}
                label = _label({"value": each})
                yield Mark(start, end, label, where, said, f"{audio}: {key}")


def _audio(task: dict) -> str:
    """The file name of a task's audio, as Label Studio or we put it."""
    data = task.get("data") if isinstance(task.get("data"), dict) else task
    ours = data.get("recording")
    texts = [each for each in data.values() if isinstance(each, str)]
    found = ours or data.get(_AUDIO) or next((each for each in texts if "/" in each), "")
    return PurePosixPath(str(found).partition("?")[0]).name or "audio"


def _annotator(annotation: dict) -> str | None:
    """Who made it: a name, or the number of a Label Studio user."""
    who = annotation.get("completed_by")
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    if who is None or isinstance(who, list):
        return None
    return who if isinstance(who, str) else f"Label Studio user {who}"


def _label(result: dict) -> str:
    labels = _value(result).get("labels")
    return ", ".join(map(str, labels)) if isinstance(labels, list) else ""


def _value(result: dict) -> dict:
    value = result.get("value")
    return value if isinstance(value, dict) else {}


def _list(told: dict, key: str) -> list[dict]:
    value = told.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
