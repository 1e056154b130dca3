"""Stage 2, a batch of videos: what is still to be fetched, what came, and what did not and why.

It is a file of the workspace, so that a reload, a restart or a crash loses none of it: what was
waiting goes on, and what failed can be tried again, it alone.
"""

import json
import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

from core.catalog_orders import Row, orders_of
from core.intake import Failure
from core.records import Recording
from core.workspace import Workspace, replacing
from core.youtube import Order

log = logging.getLogger(__name__)

State = Literal["waiting", "done", "failed"]
_LONGEST = 500  # finished videos that are remembered


@dataclass(frozen=True)
class Item:
    """One video of the batch."""

    video_id: str
    title: str
    rows: tuple[Mapping, ...] = ()  # of the catalogue
    state: State = "waiting"
    reason: str = ""

    @property
    def others(self) -> list[str]:
        """Other uploads of the same performance, if the catalogue knows some."""
        return Row(**self.rows[0]).others if len(self.rows) == 1 else []

    @property
    def order(self) -> Order:
        """What to fetch, and what the catalogue says of it."""
        if not self.rows:
            return Order(self.video_id)
        (order,) = orders_of(Row(**row) for row in self.rows)
        return order


class Batch:
    """The videos that were asked for, in their order; safe to share between threads."""

    def __init__(self, workspace: Workspace):
        self._path = workspace.downloads() / "batch.json"
        self._lock = threading.Lock()
        self._items = {item.video_id: item for item in self._read()}

    @property
    def items(self) -> list[Item]:
        """Every video, as it now stands."""
        with self._lock:
            return list(self._items.values())

    def of(self, state: State) -> list[Item]:
        """The videos in one state."""
        return [item for item in self.items if item.state == state]

    def add(self, orders: Iterable[Order]) -> int:
        """Take in what is not waiting yet; how many videos wait now."""
        with self._lock:
            for order in orders:
                self._items.pop(order.video_id, None)  # to the end
                self._items[order.video_id] = Item(order.video_id, _title(order), order.rows)
            self._write()
            return sum(item.state == "waiting" for item in self._items.values())

    def heard(self, video_id: str, result: Recording | Failure) -> None:
        """Note what came of a video."""
        with self._lock:
            item = self._items.get(video_id)
            if item is None:
                return
            if isinstance(result, Failure):
                self._items[video_id] = replace(item, state="failed", reason=result.reason)
            else:
                self._items[video_id] = replace(item, state="done", title=result.title)
            self._write()

    def retry(self) -> None:
        """Let what failed wait again."""
        with self._lock:
            for video_id, item in self._items.items():
                if item.state == "failed":
                    self._items[video_id] = replace(item, state="waiting", reason="")
            self._write()

    def instead(self, other: str) -> None:
        """Let another upload of a performance wait in the place of one that failed."""
        with self._lock:
            for video_id, item in list(self._items.items()):
                if item.state == "failed" and other in item.others:
                    del self._items[video_id]
                    row = Row(**item.rows[0]).uploaded_as(other)
                    (order,) = orders_of([row])
                    self._items[other] = Item(other, item.title, order.rows)
                    break
            self._write()

    def forget(self, *states: State) -> None:
        """Take the videos in these states out of the batch."""
        with self._lock:
            self._items = {k: item for k, item in self._items.items() if item.state not in states}
            self._write()

    def _write(self) -> None:
        finished = [k for k, item in self._items.items() if item.state != "waiting"]
        for video_id in finished[:-_LONGEST]:
            del self._items[video_id]
        with replacing(self._path) as part:
            part.write_text(json.dumps([asdict(item) for item in self._items.values()]))

    def _read(self) -> Iterable[Item]:
        try:
            found = json.loads(self._path.read_text())
            return [Item(**{**each, "rows": tuple(each["rows"])}) for each in found]
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("%s is damaged (%s) and begun anew.", self._path, error)
            return ()


def _title(order: Order) -> str:
    """What to call a video whose own title is not known yet."""
    row = order.rows[0] if order.rows else {}
    words = [row.get("song") or row.get("section"), row.get("raga"), row.get("artist")]
    return ", ".join(map(str, filter(None, words))) or order.video_id
