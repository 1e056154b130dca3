"""Stage 6: what a training run keeps on disk, read without touching the process that writes it.

    config.json    every setting, as given          command.json  the argument list that runs it
    status.json    where it stands                  pid           its process, and when that began
    log.txt        all it said                      metrics.jsonl one row of figures per line
    samples/       sound made on the way            checkpoints/  all that resuming needs
    model/         the finished pipeline folder

A person's wishes are empty files that the trainer looks for after each step: `stop`, `save_now`,
`sample_now`. It removes the last two when it has obeyed. `status.json` is replaced whole, never
written in place: by `training.jobs` while no process lives, by the trainer from its first step on.
"""

import codecs
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from core.errors import RunError
from core.workspace import replacing

State = Literal["queued", "running", "stopping", "stopped", "finished", "failed"]
STATES: tuple[State, ...] = get_args(State)
ENDED: tuple[State, ...] = ("stopped", "finished", "failed")

CONFIG, COMMAND, STATUS, PID, LOG = "config.json", "command.json", "status.json", "pid", "log.txt"
METRICS, SAMPLES, CHECKPOINTS, MODEL = "metrics.jsonl", "samples", "checkpoints", "model"
STOP, SAVE_NOW, SAMPLE_NOW = "stop", "save_now", "sample_now"

LOG_WINDOW = 512 * 1024  # bytes of log given at once; of a longer one, the end
SOUNDS = {".wav", ".flac", ".ogg", ".mp3"}


@dataclass(frozen=True)
class Place:
    """Where a run lives: on this machine, or as a job of Hugging Face."""

    kind: Literal["local", "hf-jobs"] = "local"
    flavor: str = ""  # the kind of machine
    timeout: str = ""  # 6h, 90m: after it the job ends
    bucket: str = ""  # user/name, for all that goes there and comes back
    shelf: str = ""  # another address of the bucket's files, e.g. where it is mounted


HERE = Place()


@dataclass(frozen=True)
class Order:
    """What was asked for: the argument list to run, on which devices, when and where."""

    argv: tuple[str, ...]
    devices: tuple[str, ...] = ()  # CUDA device numbers; none named means the whole machine
    asked: float = 0.0  # seconds since 1970, hence the place in the queue
    place: Place = HERE

    def shares_a_device(self, other: "Order") -> bool:
        """Whether both cannot run at once; jobs elsewhere never wait."""
        if "hf-jobs" in (self.place.kind, other.place.kind):
            return False
        return not self.devices or not other.devices or bool({*self.devices} & {*other.devices})


@dataclass(frozen=True)
class Status:
    """Where a run stands. Times are seconds since 1970; `None` is not known."""

    run_id: str
    state: State
    step: int = 0
    max_steps: int | None = None
    message: str = ""  # in words: what it does now, or why it ended
    steps_per_s: float | None = None
    seconds_left: float | None = None
    started: float | None = None
    ended: float | None = None
    more: Mapping[str, Any] = field(default_factory=dict)  # whatever else the trainer says

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it unless it is resumed."""
        return self.state in ENDED


def read_status(run: Path) -> Status:
    """The last written status; `RunError` if there is none or it cannot be read."""
    said = {name: value for name, value in _read(run, STATUS).items() if name != "run_id"}
    if said.get("state") not in STATES:
        raise RunError(f"{run / STATUS} names no state. Wanted one of: {', '.join(STATES)}.")
    if said["state"] == "running" and (run / STOP).exists():
        said["state"] = "stopping"
    known = {each.name for each in fields(Status)} - {"more"}
    own = {name: value for name, value in said.items() if name in known}
    return Status(run.name, **own, more={name: said[name] for name in said.keys() - known})


def write_status(run: Path, **changes) -> None:
    """Replace `status.json` by one that also says `changes`."""
    said = _read(run, STATUS) if (run / STATUS).exists() else {}
    _write(run, STATUS, said | changes)


def end(run: Path, state: State, message: str) -> None:
    """Write the last word on a run that has no process any more."""
    write_status(run, state=state, message=message, seconds_left=None, ended=time.time())


def read_order(run: Path) -> Order:
    """What was asked for when the run was launched or resumed."""
    said = _read(run, COMMAND)
    place = Place(**said.get("place", {}))
    return Order(tuple(said["argv"]), tuple(said["devices"]), said["asked"], place)


def write_order(run: Path, order: Order) -> None:
    """Keep what was asked for."""
    _write(run, COMMAND, asdict(order))


def _read(run: Path, name: str) -> dict:
    try:
        said = json.loads((run / name).read_text("utf-8"))
    except FileNotFoundError:
        raise RunError(f"No run {run.name!r} in {run.parent}. Choose one of those there.") from None
    except ValueError as error:  # no JSON, or no text
        raise RunError(
            f"{run / name} is damaged ({error}). Delete the run and launch it anew."
        ) from error
    if not isinstance(said, dict):
        raise RunError(f"{run / name} holds no settings. Launch the run anew.")
    return said


def _write(run: Path, name: str, said: dict) -> None:
    with replacing(run / name) as part:
        part.write_text(json.dumps(said, indent=1), "utf-8")


def log_from(run: Path, offset: int = 0) -> tuple[str, int]:
    """What the log says from byte `offset` on, and the offset to ask from next time.

    A log shorter than `offset` was begun anew and is read from its start; of more than
    `LOG_WINDOW` bytes only the last are given. A character cut in two waits for its rest.
    """
    path = run / LOG
    if not path.is_file():
        return "", 0
    size = path.stat().st_size
    start = 0 if offset > size else max(0, offset)
    start = max(start, size - LOG_WINDOW)
    with path.open("rb") as file:
        file.seek(start)
        said = file.read(LOG_WINDOW)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(said)
    return text, start + len(said) - len(decoder.getstate()[0])


def last_lines(run: Path, n: int = 12) -> str:
    """The last `n` lines of the log that say something; a progress bar counts as its last state."""
    text, _ = log_from(run)
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join([line for line in lines if line][-n:])


def rows_from(run: Path, offset: int = 0) -> tuple[list[dict], int]:
    """The rows of `metrics.jsonl` from byte `offset` on, and the offset to ask from next time.

    A line still being written waits; one that a killed process left broken is passed over.
    """
    path = run / METRICS
    if not path.is_file():
        return [], 0
    with path.open("rb") as file:
        file.seek(0 if offset > path.stat().st_size else max(0, offset))
        start = file.tell()
        whole, newline, _ = file.read().rpartition(b"\n")
    return list(_rows(whole)), start + len(whole) + len(newline)


class Figures:
    """The rows of runs, each read once however often one asks: a page asks every two seconds."""

    def __init__(self):
        self._known: dict[Path, tuple[int, list[dict]]] = {}

    def of(self, run: Path) -> list[dict]:
        """Every row so far. One that was taken back, by a run that resumed, is gone here too."""
        offset, rows = self._known.get(run, (0, []))
        path = run / METRICS
        if not path.is_file() or path.stat().st_size < offset:
            offset, rows = 0, []
        news, offset = rows_from(run, offset)
        self._known[run] = offset, [*rows, *news] if news else rows
        return self._known[run][1]


def _rows(lines: bytes) -> Iterator[dict]:
    for line in lines.splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # also undecodable bytes
            continue
        if isinstance(row, dict):
            yield row


@dataclass(frozen=True)
class Sample:
    """One sound a run made on the way: after which step, of what, and where it lies."""

    step: int
    path: Path
    about: Mapping[str, Any] = field(default_factory=dict)  # the .json beside it, if any


def samples(run: Path) -> list[Sample]:
    """Every sample of the run, by step and name.

    The step is the first number in the path below `samples/`: `000200/mohanam.flac` or
    `step-000200-mohanam.flac`.
    """
    folder = run / SAMPLES
    found = [
        Sample(_first_number(str(path.relative_to(folder))), path, _about(path))
        for path in folder.rglob("*")
        if path.suffix in SOUNDS and not path.name.startswith(".")
    ]
    return sorted(found, key=lambda sample: (sample.step, sample.path))


def _first_number(text: str) -> int:
    digits = "".join(c if c.isdigit() else " " for c in text).split()
    return int(digits[0]) if digits else 0


def _about(path: Path) -> dict:
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return {}
    (row,) = list(_rows(beside.read_bytes().replace(b"\n", b" "))) or [{}]
    return row
