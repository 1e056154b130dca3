"""What takes longer than a request may wait: made by one worker, once for each recording."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import Generic, TypeVar

from core.errors import StudioError

PATIENCE_S = 2.0  # a browser keeps six connections: none may wait for long

Result = TypeVar("Result")


class Later(Generic[Result]):
    """Results by recording, the newest `most` of them kept."""

    def __init__(self, name: str, most: int):
        self._most = most
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._made: dict[str, Future[Result]] = {}

    def get(self, recording_id: str, make: Callable[..., Result], *of) -> Result | None:
        """`make(*of)` as soon as it is there; `None` while it is being made.

        What fails is forgotten, so that it is tried again: the recording may be imported anew.
        """
        with self._lock:
            future = self._made.get(recording_id)
            if future is None:
                future = self._made[recording_id] = self._worker.submit(make, *of)
                while len(self._made) > self._most:
                    del self._made[next(iter(self._made))]
        try:
            return future.result(PATIENCE_S)
        except NotYet:
            return None
        except StudioError:
            with self._lock:
                self._made.pop(recording_id, None)
            raise
