"""Work comes out the same whoever does it, and survives the death of a worker."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

import core.executors
import core.export
from core.errors import StudioError
from core.executors import in_parallel
from core.export import ExportConfig, export
from core.library import Library
from core.records import Recording, Segment
from core.workspace import PROJECT, Workspace

pytestmark = pytest.mark.slow  # starts processes


def square(number: int) -> int:
    return number * number


def square_or_die_once(piece: tuple[int, str]) -> int:
    """Kill its own process the first time number 3 is asked for."""
    number, marker = piece
    if number == 3 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def nothing(_piece, _result) -> None:
    """Watch nothing."""


@pytest.fixture
def cluster():
    """A real scheduler with two worker processes; yields its address and the workers."""
    started = []

    def start(*arguments: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    start("dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    wait_for(int(port))
    common = ("--nthreads", "1", "--no-dashboard", "--no-nanny")
    workers = [start("dask_worker", address, *common) for _ in range(2)]
    try:
        yield address, workers
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def wait_for(port: int) -> None:
    """Until something listens there, a minute at most."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("The dask scheduler did not start within a minute.")


def test_results_come_in_the_order_of_the_pieces():
    done = []
    results = in_parallel(square, range(20), (2, None), lambda piece, _: done.append(piece))
    assert results == [number * number for number in range(20)]
    assert sorted(piece for piece in done if piece is not None) == list(range(20))


def test_the_death_of_a_worker_process_costs_nothing_but_time(tmp_path):
    pieces = [(number, str(tmp_path / "died")) for number in range(8)]
    assert in_parallel(square_or_die_once, pieces, (2, None), nothing) == [n * n for n in range(8)]


def test_what_the_watcher_raises_stops_the_work():
    def stop(piece, _result):
        if piece is not None:
            raise StudioError("stop")

    with pytest.raises(StudioError, match="stop"):
        in_parallel(time.sleep, [0.01] * 200, (2, None), stop)


def test_a_scheduler_that_does_not_answer_is_said(monkeypatch):
    monkeypatch.setattr(core.executors, "CONNECT_S", 1)
    with pytest.raises(StudioError, match="No dask scheduler answers"):
        in_parallel(square, [1], (1, "tcp://127.0.0.1:9"), nothing)


def test_a_cluster_does_the_work_even_when_a_worker_is_killed(cluster):
    address, workers = cluster
    killed = []

    def kill_one(piece, _result):
        if piece is not None and not killed:
            workers[0].kill()
            killed.append(piece)

    pieces = [0.05] * 40
    assert in_parallel(time.sleep, pieces, (2, address), kill_one) == [None] * 40
    assert killed


def test_an_export_is_the_same_bytes_whoever_works_on_it(cluster, workspace, monkeypatch):
    address, workers = cluster
    library = concert_hall(workspace, n_recordings=3)
    monkeypatch.setattr(core.export, "WORTH_PROCESSES", 1)
    heard = []

    def kill_a_worker_half_way(done, total, message):
        if 2 * done > total and not heard:
            workers[0].kill()
            heard.append(message)

    alone = export(one_export(workers=1), workspace, library).rename(workspace.root / "alone")
    pool = export(one_export(workers=2), workspace, library).rename(workspace.root / "pool")
    dask = export(one_export(scheduler=address), workspace, library, kill_a_worker_half_way)
    assert heard
    assert len(files_of(alone)) > 60
    assert files_of(pool) == files_of(alone)
    assert files_of(dask) == files_of(alone)


def one_export(**how) -> ExportConfig:
    return ExportConfig("same", clip_s=1.28, hop_s=0.64, **how)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def concert_hall(workspace: Workspace, n_recordings: int) -> Library:
    """Noise at a rate that must be resampled, 20 s a recording."""
    library = Library.of(workspace)
    for number in range(n_recordings):
        y = np.random.default_rng(number).normal(0, 0.1, 20 * 11_025)
        soundfile.write(workspace.audio_target(f"file-{number}", ".flac"), y, 11_025)
        said = {"tonic_hz": 146.8, "raga": "Todi", "lead_artist": f"Artist {number}"}
        library.add(Recording(f"file-{number}", "t", 20.0, "own", "x", **said))
        segment = Segment(f"file-{number}", 0.3, 19.9, "kriti", status="approved", id=f"{number}")
        library.save(segment)
    return library
