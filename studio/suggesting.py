"""Suggesting and learning as work of the studio: it goes on when the page is closed.

One piece of work at a time: a three-hour concert keeps two cores busy for minutes. The page asks
how far it is, may stop it, and finds it again after a reload.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from core.errors import StudioError
from core.library import Library
from core.workspace import Workspace

log = logging.getLogger(__name__)

What = Literal["suggest", "learn"]
Tell = Callable[[float, str], None]
LEARNING = "the model"  # what is at work when it is no recording


@dataclass(frozen=True)
class State:
    """Where the latest work stands; `said` is its result, `wrong` why it failed."""

    on: str | None = None  # a recording's id, or LEARNING
    share: float = 0.0
    doing: str = ""
    is_running: bool = False
    said: str = ""
    wrong: str = ""


class _Stopped(Exception):
    """Someone pressed Stop."""


class SuggestionWork:
    """Runs one suggestion or training at a time beside the page."""

    def __init__(self, workspace: Workspace, library: Library):
        self._workspace = workspace
        self._library = library
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._state = State()

    @property
    def state(self) -> State:
        """Where it stands now."""
        with self._lock:
            return self._state

    def suggest(self, recording_id: str) -> None:
        """Cut a recording into drafts.

        Raises
        ------
        StudioError
            If something is at work already.
        """
        self._start(recording_id, self._suggested)

    def learn(self) -> None:
        """Learn from what is approved."""
        self._start(LEARNING, self._learned)

    def stop(self) -> None:
        """End what is at work; nothing of it is kept."""
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> None:
        """Until what is at work has ended."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _start(self, on: str, work: Callable[[str, Tell], str]) -> None:
        with self._lock:
            if self._state.is_running:
                raise StudioError(
                    f"The studio is at work on {self._state.on} ({self._state.share:.0%}). Wait "
                    "until it is done, or stop it."
                )
            self._stop.clear()
            self._state = State(on, is_running=True, doing="Starting")
            self._thread = threading.Thread(target=self._run, args=(on, work), daemon=True)
        self._thread.start()

    def _run(self, on: str, work: Callable[[str, Tell], str]) -> None:
        try:
            self._end(said=work(on, self._tell))
        except _Stopped:
            self._end(said="Stopped. Nothing was changed.")
        except StudioError as error:
            self._end(wrong=str(error))
        except Exception as error:
            log.exception("Work on %s failed", on)
            self._end(wrong=f"It failed ({error!r}). The studio's log says where.")
            raise

    def _tell(self, share: float, doing: str) -> None:
        if self._stop.is_set():
            raise _Stopped
        with self._lock:
            self._state = replace(self._state, share=share, doing=doing)

    def _end(self, **how: str) -> None:
        with self._lock:
            self._state = replace(self._state, is_running=False, share=1.0, doing="", **how)

    def _suggested(self, recording_id: str, tell: Tell) -> str:
        from core.segmentation import drafting, levels, listening, suggesting
        from core.segmentation.model import current

        model = current(self._workspace)
        heard = listening.heard(recording_id, self._workspace, lambda s, w: tell(0.95 * s, w))
        tell(0.95, "Cutting")
        found = suggesting.suggest(heard, model)
        tell(0.99, "Saving")
        drafts = drafting.draft(recording_id, found, self._library)
        levels.fill(recording_id, self._library, heard, model, approved_only=True)
        return drafting.told(drafts)

    def _learned(self, _: str, tell: Tell) -> str:
        from core.segmentation.learning import retrain

        return retrain(self._workspace, self._library, tell).told()
