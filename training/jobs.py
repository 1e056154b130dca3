"""Stage 6: launch, watch, stop and resume training runs that outlive the page and the studio.

A run is a detached process and a folder (`training.run_folder`); whatever is asked here is
answered from the folder. One run holds a set of devices at a time and the others wait in a queue:
whoever looks next (`advance`, which the studio's poll calls) starts the one whose turn it is.
A lock file keeps two studios from both starting it.
"""

import dataclasses
import json
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import RunError
from core.workspace import Workspace, checked_name
from training.backends import Anywhere, Backend
from training.config import FinetuneConfig, read_config
from training.run_folder import (
    CHECKPOINTS,
    CONFIG,
    HERE,
    SAMPLE_NOW,
    SAVE_NOW,
    STATUS,
    STOP,
    Order,
    Place,
    Sample,
    Status,
    end,
    last_lines,
    log_from,
    read_order,
    read_status,
    rows_from,
    write_order,
    write_status,
)
from training.run_folder import samples as samples_in

PATIENCE_S = 60  # to finish a step and save; after that a second press kills
LIVE = ("running", "stopping")
RESUME = "--resume"  # makes the trainer go on from the last checkpoint in its output folder


def launch(
    workspace: Workspace,
    config: FinetuneConfig,
    *,
    name: str | None = None,
    devices: Sequence[str] = (),
    place: Place = HERE,
    backend: Backend | None = None,
) -> str:
    """Put a fine-tuning run in the queue, start it if its devices are free, and return its id.

    `devices` are CUDA device numbers; none named means the whole machine.
    """
    run = reserve(workspace, name or Path(config.dataset).name)
    config = dataclasses.replace(config, output=run, dataset=Path(config.dataset).resolve())
    _keep(run, config)
    words = command(config, devices)
    return enqueue(workspace, run, words, devices=devices, place=place, backend=backend)


def command(config: FinetuneConfig, devices: Sequence[str] = ()) -> list[str]:
    """The argument list that runs `config`, here or elsewhere: what differs from its defaults."""
    words = [sys.executable, "-m", "training.finetune"]
    if len(devices) > 1:
        words[2:2] = ["accelerate.commands.launch", f"--num_processes={len(devices)}", "-m"]
    for setting in dataclasses.fields(config):
        value = getattr(config, setting.name)
        if value != setting.default:
            words += _flag(setting.name.replace("_", "-"), value)
    return words


def _flag(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, (tuple, list)):
        return [f"--{name}", *(str(each) for each in value)]
    return [f"--{name}", str(value)]


def _keep(run: Path, config: FinetuneConfig) -> None:
    settings = dataclasses.asdict(config)
    (run / CONFIG).write_text(json.dumps(settings, indent=1, default=str), "utf-8")


def reserve(workspace: Workspace, name: str) -> Path:
    """A new folder for a run called `name`: its slug and the time, unique also for two at once."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    stem = checked_name(f"{slug or 'run'}-{time.strftime('%Y%m%d-%H%M%S')}")
    for n in range(1, 1000):
        run = workspace.run(stem if n == 1 else f"{stem}-{n}")
        try:
            run.mkdir()
        except FileExistsError:
            continue
        return run
    raise RunError(f"Too many runs called {stem!r}. Wait a second.")


def enqueue(
    workspace: Workspace,
    run: Path,
    argv: Sequence[str],
    *,
    devices: Sequence[str] = (),
    place: Place = HERE,
    backend: Backend | None = None,
) -> str:
    """Let the reserved `run` wait for its turn with the process `argv`; start it if it is free."""
    write_order(run, Order(tuple(argv), tuple(devices), time.time(), place))
    write_status(run, state="queued", message="Waiting for its turn.", ended=None)
    advance(workspace, backend)
    return run.name


def advance(workspace: Workspace, backend: Backend | None = None) -> list[str]:
    """Settle what has ended and start every queued run whose turn it is; return those started."""
    backend = backend or Anywhere()
    reconcile(workspace, backend)
    if not any(found.state == "queued" for found in _statuses(workspace)):
        return []
    started = []
    with _lock(workspace):
        found = _statuses(workspace)
        # A run that has said its last word holds its devices until its process is gone.
        ahead = [_order(workspace, each) for each in found if _is_alive(workspace, each, backend)]
        queued = [each for each in found if each.state == "queued"]
        for each in sorted(queued, key=lambda each: _order(workspace, each).asked):
            wanted = _order(workspace, each)
            if not any(wanted.shares_a_device(other) for other in ahead):
                started += _start(workspace.run(each.run_id), wanted, backend)
            ahead.append(wanted)  # one that waits is not overtaken on its devices
    return started


def _is_alive(workspace: Workspace, found: Status, backend: Backend) -> bool:
    return found.state in LIVE or backend.is_alive(workspace.run(found.run_id))


def _start(run: Path, order: Order, backend: Backend) -> list[str]:
    # Said before the process lives: from then on the status is the trainer's own to write.
    write_status(run, state="running", message="Starting.", started=time.time(), ended=None)
    try:
        backend.submit(run, order)
    except RunError as error:
        end(run, "failed", str(error))
        return []
    return [run.name]


def reconcile(workspace: Workspace, backend: Backend | None = None) -> None:
    """Adopt the runs whose process lives; give the others that claim to run their last word."""
    for found in _statuses(workspace):
        if found.state in LIVE:
            _settled(workspace, found.run_id, backend or Anywhere())


def _settled(workspace: Workspace, run_id: str, backend: Backend) -> Status:
    run = workspace.run(run_id)
    found = read_status(run)
    if found.state not in LIVE or backend.is_alive(run):
        return found
    with _lock(workspace):  # so nobody is just starting it
        if not backend.is_alive(run):
            found = read_status(run)  # again: it may have said its last word before it died
            if found.state in LIVE:
                _bury(run, found, backend)
    return read_status(run)


def _bury(run: Path, found: Status, backend: Backend) -> None:
    code = backend.exit_status(run)
    if found.state == "stopping":
        end(run, "stopped", f"Stopped at step {found.step}, before it could save.")
        return
    why = "The process ended without a word"
    if code is not None and code < 0:
        why = f"The process was killed (signal {-code})"
        if code == -9:
            why += "; the machine may have run out of memory: lower the batch size"
    elif code:
        why = f"The process failed (exit status {code})"
    end(run, "failed", f"{why}. Its last words:\n{last_lines(run) or '(none)'}")


def status(workspace: Workspace, run_id: str, backend: Backend | None = None) -> Status:
    """Where the run stands; one whose process is gone without a final word has failed."""
    return _settled(workspace, run_id, backend or Anywhere())


def runs(workspace: Workspace, backend: Backend | None = None) -> list[Status]:
    """Every run, the newest first."""
    reconcile(workspace, backend)
    found = _statuses(workspace)
    return sorted(found, key=lambda each: _order(workspace, each).asked, reverse=True)


def order(workspace: Workspace, run_id: str) -> Order:
    """What was asked for: the exact command, the devices and the time."""
    return read_order(workspace.run(run_id))


def log(workspace: Workspace, run_id: str, offset: int = 0) -> tuple[str, int]:
    """What the log says from byte `offset` on, and the offset to ask from next time."""
    return log_from(workspace.run(run_id), offset)


def metrics(workspace: Workspace, run_id: str) -> list[dict]:
    """Every row of figures the run wrote."""
    return rows_from(workspace.run(run_id))[0]


def samples(workspace: Workspace, run_id: str) -> list[Sample]:
    """The sounds the run made on the way, by step."""
    return samples_in(workspace.run(run_id))


def stop(workspace: Workspace, run_id: str, backend: Backend | None = None) -> str:
    """Ask the run to finish its step, save all and stop; asked again after a minute, kill it.

    Returns what happens now, in words.
    """
    backend = backend or Anywhere()
    run, found = workspace.run(run_id), status(workspace, run_id, backend)
    if found.state == "queued":
        with _lock(workspace):
            if read_status(run).state == "queued":
                end(run, "stopped", "Taken from the queue before it began.")
                return "Taken from the queue."
        found = read_status(run)
    if found.state not in LIVE:
        raise RunError(f"Run {run_id!r} is not running: it is {found.state}.")
    waited_s = time.time() - _touched(run / STOP)
    if found.state == "stopping" and waited_s >= PATIENCE_S:
        backend.kill(run)
        end(run, "stopped", f"Killed at step {found.step}; its last checkpoint is kept.")
        return "Killed. It can be resumed from its last checkpoint."
    if found.state == "running":  # a second signal would end it before it has saved
        backend.interrupt(run)
    left_s = max(0, round(PATIENCE_S - waited_s))
    return f"It finishes its step and saves. If it has not ended in {left_s} s, stop again to kill."


def save_now(workspace: Workspace, run_id: str) -> None:
    """Ask the run for a checkpoint after this step."""
    _touched(_running(workspace, run_id) / SAVE_NOW)


def sample_now(workspace: Workspace, run_id: str) -> None:
    """Ask the run for samples after this step."""
    _touched(_running(workspace, run_id) / SAMPLE_NOW)


def resume(
    workspace: Workspace,
    run_id: str,
    *,
    max_steps: int | None = None,
    backend: Backend | None = None,
) -> None:
    """Put a run that has ended back in the queue, to go on from its last checkpoint.

    A finished run goes on only to more steps than it has taken: `max_steps`.
    """
    found, run = status(workspace, run_id, backend), workspace.run(run_id)
    if not found.has_ended or (found.state == "finished" and (max_steps or 0) <= found.step):
        raise RunError(
            f"Run {run_id!r} is {found.state}. A stopped or failed run resumes, and a finished one "
            "to more steps."
        )
    before = read_order(run)
    if before.place == HERE and not any((run / CHECKPOINTS).glob("*")):
        raise RunError(f"Run {run_id!r} kept no checkpoint to resume from. Launch it anew.")
    words = before.argv
    if max_steps is not None:
        config = dataclasses.replace(read_config(run / CONFIG), max_steps=max_steps)
        _keep(run, config)
        words = tuple(command(config, before.devices))
    words = words if RESUME in words else (*words, RESUME)
    for wish in (STOP, SAVE_NOW, SAMPLE_NOW):
        (run / wish).unlink(missing_ok=True)
    there = {"devices": before.devices, "place": before.place}
    enqueue(workspace, run, words, **there, backend=backend)


def delete(workspace: Workspace, run_id: str) -> None:
    """Remove an ended run with all it made."""
    found = status(workspace, run_id)
    if not found.has_ended or Anywhere().is_alive(workspace.run(run_id)):
        raise RunError(f"Run {run_id!r} is {found.state} but at work. Stop it first, and wait.")
    shutil.rmtree(workspace.run(run_id))


def _running(workspace: Workspace, run_id: str) -> Path:
    found = status(workspace, run_id)
    if found.state not in LIVE:
        raise RunError(f"Run {run_id!r} is {found.state}. Only a running one can do that.")
    return workspace.run(run_id)


def _touched(wish: Path) -> float:
    """When the wish was first made; made now if it was not."""
    if not wish.exists():
        wish.touch()
    return wish.stat().st_mtime


def _statuses(workspace: Workspace) -> list[Status]:
    """Every run as it was last written; one that cannot be read counts as failed."""
    found = []
    for path in sorted(workspace.runs().glob(f"*/{STATUS}")):
        try:
            found.append(read_status(path.parent))
        except RunError as error:
            found.append(Status(path.parent.name, "failed", message=str(error)))
    return found


def _order(workspace: Workspace, found: Status) -> Order:
    try:
        return read_order(workspace.run(found.run_id))
    except RunError:
        return Order(())


@contextmanager
def _lock(workspace: Workspace) -> Iterator[None]:
    lock = FileLock(workspace.runs() / ".lock", timeout=30)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"Another studio has held {lock.lock_file} for 30 s. Close it, or try again."
        ) from None
    try:
        yield
    finally:
        lock.release()
