"""Stage 6: where a run's process lives, behind one small protocol: here, or where it was ordered.

A backend starts an `Order` and afterwards knows nothing but the run folder, so another studio, or
the same one restarted, adopts the process from there. A pid alone could by then belong to someone
else; with the moment its process began (counted from the machine's start, which setting the clock
does not move) it cannot.
"""

import contextlib
import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Protocol

import psutil

from core.errors import RunError
from core.workspace import PROJECT, replacing
from training.run_folder import LOG, PID, Order, Place, read_order

SAME_START_S = 1.5  # the kernel gives the machine's start to the second; pids recur much later
EXIT = "exit"  # the exit status, if whoever started the process lived to see it


class Backend(Protocol):
    """What `training.jobs` asks of a place that runs trainings."""

    def submit(self, run: Path, order: Order) -> None:
        """Start the order; all it says goes to the run's log."""

    def is_alive(self, run: Path) -> bool:
        """Whether the run's process still works."""

    def interrupt(self, run: Path) -> None:
        """Nudge a process that has been told to stop."""

    def kill(self, run: Path) -> None:
        """End the process and all its children at once."""

    def exit_status(self, run: Path) -> int | None:
        """How the process ended (a signal is negative); `None` if nobody saw it."""


class Local:
    """Processes of this machine, each the leader of a session of its own: no terminal, browser or
    studio that closes takes it along."""

    def submit(self, run: Path, order: Order) -> None:
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        if order.devices:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(order.devices)
        (run / EXIT).unlink(missing_ok=True)
        try:
            with (run / LOG).open("ab") as log:
                process = subprocess.Popen(
                    order.argv,
                    cwd=PROJECT,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise RunError(f"The run could not be started: {error}.") from error
        _sign(run, process.pid)
        # Waiting for it keeps no zombie behind and tells how it ended.
        threading.Thread(target=_await, args=(process, run), daemon=True).start()

    def is_alive(self, run: Path) -> bool:
        return _process(run) is not None

    def interrupt(self, run: Path) -> None:
        process = _process(run)
        # A launcher of several processes would end them all at once; they watch the stop file.
        if process is not None and not _is_launcher(process):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)

    def kill(self, run: Path) -> None:
        process = _process(run)
        if process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            family = [*process.children(recursive=True), process]
            if os.getpgid(process.pid) == process.pid:  # not so if a person's shell started it
                os.killpg(process.pid, signal.SIGKILL)
            for member in family:  # some launchers give each worker a session of its own
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            psutil.wait_procs(family, timeout=5)

    def exit_status(self, run: Path) -> int | None:
        try:
            return int((run / EXIT).read_text())
        except (FileNotFoundError, ValueError):
            return None


class Anywhere:
    """Each run where it was ordered: on this machine, or on Hugging Face Jobs."""

    def submit(self, run: Path, order: Order) -> None:
        _backend(order.place).submit(run, order)

    def is_alive(self, run: Path) -> bool:
        return _backend(_place(run)).is_alive(run)

    def interrupt(self, run: Path) -> None:
        _backend(_place(run)).interrupt(run)

    def kill(self, run: Path) -> None:
        _backend(_place(run)).kill(run)

    def exit_status(self, run: Path) -> int | None:
        return _backend(_place(run)).exit_status(run)


def _backend(place: Place) -> Backend:
    if place.kind == "local":
        return Local()
    from training.hf_jobs import HfJobs

    return HfJobs()


def _place(run: Path) -> Place:
    try:
        return read_order(run).place
    except RunError:  # no order is left: nothing but a process of this machine could be its own
        return Place()


def claim(run: Path) -> None:
    """Say that this very process is the run's, unless the one that launched it lives.

    So a run that a person starts by hand is watched and stopped like any other.
    """
    if _process(run) is None:
        _sign(run, os.getpid())


def _sign(run: Path, pid: int) -> None:
    with replacing(run / PID) as part:
        said = {"pid": pid, "began": _began(psutil.Process(pid))}
        part.write_text(json.dumps(said), "utf-8")


def _await(process: subprocess.Popen, run: Path) -> None:
    code = process.wait()
    with contextlib.suppress(OSError):  # the run may have been deleted meanwhile
        (run / EXIT).write_text(str(code))


def _process(run: Path) -> psutil.Process | None:
    """The run's living process; `None` if it ended, or its pid is another's by now."""
    try:
        said = json.loads((run / PID).read_text("utf-8"))
        process = psutil.Process(said["pid"])
        is_it = abs(_began(process) - said["began"]) < SAME_START_S
        return process if is_it and process.status() != psutil.STATUS_ZOMBIE else None
    except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
        return None


def _began(process: psutil.Process) -> float:
    return process.create_time() - psutil.boot_time()


def _is_launcher(process: psutil.Process) -> bool:
    return any("accelerate" in Path(word).name for word in process.cmdline()[:4])
