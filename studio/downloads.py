"""The studio's one download at a time: a thread that fetches the batch, whoever looks at the page.

It goes on when the page is closed. The batch is on disk (`core.batch`); here is only what moves.
"""

import threading
from dataclasses import dataclass, replace
from html import escape

from core.batch import Batch, Item
from core.errors import StudioError
from core.library import Library
from core.workspace import Workspace
from core.youtube import Downloader, Order, Site
from studio.tables import open_button

# Tells Python which button was pressed: 'press' what, 'open' a recording.
PRESSES = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button?.dataset.do) trigger('press', {what: button.dataset.do});
  if (button?.dataset.open) trigger('open', {recording_id: button.dataset.open});
});
"""
INSTEAD = "instead:"  # before the id of the video to fetch
_SHOWN = 8  # finished videos at once


@dataclass(frozen=True)
class Now:
    """What is being done: the share of all that was asked for, 0..1, and in words."""

    share: float = 0.0
    words: str = ""


class Downloads:
    """The batch of a workspace and the thread that fetches it."""

    def __init__(self, workspace: Workspace, library: Library, site: Site | None = None):
        self.batch = Batch(workspace)
        self.now = Now()
        self.trouble = ""
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.is_running = False
        self._downloader = Downloader(
            workspace, library, site or Site(), is_cancelled=self._cancelled.is_set
        )

    def start(self, orders: list[Order]) -> None:
        """Fetch these too, after what waits already."""
        self.batch.add(orders)
        self.resume()

    def resume(self) -> None:
        """Go on with what waits."""
        with self._lock:
            self.trouble = ""
            self._cancelled.clear()
            if self.is_running or not self.batch.of("waiting"):
                return
            self.now, self.is_running = Now(0.0, "beginning"), True
            self._thread = threading.Thread(target=self._work, name="downloads", daemon=True)
            self._thread.start()

    def retry(self) -> None:
        """Try again what failed, it alone."""
        self.batch.retry()
        self.resume()

    def instead(self, other: str) -> None:
        """Fetch another upload of a performance whose video failed."""
        self.batch.instead(other)
        self.resume()

    def cancel(self) -> None:
        """Stop as soon as may be; what waits goes on waiting."""
        self._cancelled.set()

    def stop(self) -> None:
        """Stop, and wait until it has."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _work(self) -> None:
        try:
            while orders := self._next():
                self._downloader.run(orders, self._tell, self.batch.heard)
        except StudioError as error:  # the disk is full: all that waits goes on waiting
            self.trouble = str(error)
        finally:
            self.is_running = False

    def _next(self) -> list[Order]:
        """What waits; if nothing does, whoever adds some must begin anew."""
        with self._lock:
            waiting = [] if self._cancelled.is_set() else self.batch.of("waiting")
            self.is_running = bool(waiting)
            return [item.order for item in waiting]

    def _tell(self, share: float, words: str) -> None:
        self.now = replace(self.now, share=share, words=words)


def downloads_html(downloads: Downloads) -> str:
    """Where the batch stands, with what can be done about it."""
    items = downloads.batch.items
    if not items:
        return ""
    waiting, done, failed = (
        [item for item in items if item.state == state] for state in ("waiting", "done", "failed")
    )
    parts = []
    if downloads.is_running:
        percent = round(100 * downloads.now.share)
        parts += [
            f"<p><b>{len(waiting)} to fetch</b> {escape(downloads.now.words)}</p>",
            f'<div class="share" role="progressbar" aria-valuenow="{percent}" aria-valuemin="0" '
            f'aria-valuemax="100"><i class="approved" style="width:{percent}%"></i></div>',
        ]
    elif waiting:
        parts.append(f"<p><b>{len(waiting)} videos wait</b> to be fetched.</p>")
    if downloads.trouble:
        parts.append(f'<p class="notice bad" role="alert">{escape(downloads.trouble)}</p>')
    parts.append(_buttons(downloads.is_running, waiting, failed, done))
    parts += [_list("Not fetched", failed, _failure), _list("Fetched", done[::-1], _fetched)]
    state = "running" if downloads.is_running else "still"
    return f'<section class="run downloads" data-state="{state}">{"".join(parts)}</section>'


def _buttons(is_running: bool, waiting: list, failed: list, done: list) -> str:
    offered = {
        "cancel": "Cancel" if is_running else "",
        "resume": "Go on" if waiting and not is_running else "",
        "retry": f"Retry the {len(failed)} that failed" if failed and not is_running else "",
        "drop": "Forget what waits" if waiting and not is_running else "",
        "clear": "Clear the list" if (done or failed) and not is_running else "",
    }
    buttons = (
        f'<button type="button" data-do="{what}">{words}</button>'
        for what, words in offered.items()
        if words
    )
    return f"<nav>{''.join(buttons)}</nav>"


def _list(head: str, items: list[Item], cell) -> str:
    if not items:
        return ""
    more = f"<li>and {len(items) - _SHOWN} more</li>" if len(items) > _SHOWN else ""
    rows = "".join(f"<li>{cell(item)}</li>" for item in items[:_SHOWN])
    return f"<p><b>{head}</b></p><ul>{rows}{more}</ul>"


def _failure(item: Item) -> str:
    others = "".join(
        f'<button type="button" data-do="{INSTEAD}{escape(other)}">Fetch another upload of it'
        f'<span class="unseen"> {escape(other)}</span></button>'
        for other in item.others[:1]
    )
    return f"<b>{escape(item.title)}</b> {others}<small>{escape(item.reason)}</small>"


def _fetched(item: Item) -> str:
    return f"<span>{escape(item.title)}</span> {open_button(f'yt-{item.video_id}', item.title)}"
