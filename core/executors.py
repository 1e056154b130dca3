"""Stage 5, who works: this process, processes of this machine, or a dask cluster.

Each piece of work is a picklable value and writes files that do not depend on who wrote them, so
any `concurrent.futures.Executor` gives the same result. A worker that dies takes nothing with it:
its piece is given to another.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from core.errors import StudioError

log = logging.getLogger(__name__)

Piece = TypeVar("Piece")
Result = TypeVar("Result")

ATTEMPTS = 3  # a piece that kills so many pools in a row is itself to blame
CONNECT_S = 15  # a scheduler may be starting
LOOK_S = 0.2  # between two looks at whether the user wants to stop


def in_parallel(
    task: Callable[[Piece], Result],
    pieces: Sequence[Piece],
    machine: tuple[int, str | None],
    on_done: Callable[[Piece | None, Result | None], None],
) -> list[Result]:
    """`[task(piece) for piece in pieces]`, on `machine` (number of processes, dask address).

    `on_done` is called with each piece and its result, in the order they finish, and with None
    now and then between; what it raises stops the work.
    """
    results: dict[int, Result] = {}
    for attempt in range(1, ATTEMPTS + 1):
        left = [index for index in range(len(pieces)) if index not in results]
        try:
            with executor(*machine) as workers:
                _drain(workers, task, pieces, left, results, on_done)
            return [results[index] for index in range(len(pieces))]
        except BrokenProcessPool:
            if attempt == ATTEMPTS:
                raise
            log.warning("A worker process died; the rest goes on in new ones.")
    return []


@contextmanager
def executor(n_workers: int, scheduler: str | None = None) -> Iterator[Executor]:
    """Workers: `n_workers` processes of this machine, or those of a dask scheduler.

    Processes start afresh instead of copying this one, which may have threads at work (a server).
    """
    if scheduler:
        client = _dask_client(scheduler)
        try:
            yield client.get_executor(pure=False)
        finally:
            client.close()
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    afresh = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(n_workers, mp_context=afresh, initializer=_one_thread)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _drain(workers: Executor, task, pieces, left, results, on_done) -> None:
    waiting: dict[Future, int] = {workers.submit(task, pieces[index]): index for index in left}
    try:
        while waiting:
            done, _ = wait(waiting, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            on_done(None, None)
            for future in done:
                index = waiting.pop(future)
                results[index] = future.result()
                on_done(pieces[index], results[index])
    except CancelledError as error:
        raise StudioError(
            "The dask scheduler went away or gave the work up. Check its log and run it again: "
            "what was finished is kept."
        ) from error
    finally:
        for future in waiting:
            future.cancel()


def _dask_client(scheduler: str):
    try:
        from distributed import Client
    except ImportError:
        raise StudioError(
            "Working on a cluster needs dask: pip install distributed. Or leave --scheduler out."
        ) from None
    try:
        return Client(scheduler, timeout=f"{CONNECT_S}s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise StudioError(
            f"No dask scheduler answers at {scheduler!r} ({error}). Start one with `dask "
            "scheduler` and workers with `dask worker`, or leave --scheduler out."
        ) from error


def _one_thread() -> None:
    """One thread for each process: as many processes as processors are at work already."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
