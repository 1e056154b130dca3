"""From a suggestion to a better one: suggest, accept, correct, approve, retrain."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from playwright.sync_api import expect

from core import audio
from core.library import Library
from core.records import Segment
from core.segmentation.evaluation import by_second, right_seconds, truth_of
from core.segmentation.model import SHIPPED, Model, own
from core.synthesis import Item, Plan, render
from core.workspace import Workspace
from studio.editor import setup
from tests.studio.conftest import Opened, opened_studio

pytestmark = pytest.mark.browser
PATIENCE_MS = 120_000  # two cores may be shared with a training run
A, B = "file-evening", "file-morning"
KEYS = {"alapanai": "1", "kriti": "3", "tani avartanam": "6", "violin": "7"}
SURE = 0.8


@dataclass(frozen=True)
class Stage:
    """A studio with one concert twice: unmarked, and marked and approved."""

    studio: Opened
    truth: tuple[Segment, ...]
    duration_s: float

    def right(self) -> float:
        """The share of seconds of the unmarked concert that the library has right."""
        n = round(self.duration_s)
        return right_seconds(truth_of(self.truth, n), by_second(self.segments(), n))

    def segments(self) -> list[Segment]:
        return self.studio.library.segments(A)


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    setup.main()
    workspace = Workspace.at(tmp_path_factory.mktemp("suggest"))
    library = Library.of(workspace)
    item = Item("Kalyani", "Rupaka", ("alapanai", "kriti", "tani avartanam"))
    concert = render(7, 1.8, Plan((item,), lead="voice", tonic_hz=150.0, drum="ghatam"))
    for name in (A, B):
        path = workspace.audio_target(name, ".flac")
        audio.write(path, concert.y, concert.sr)
        audio.prepare(path, workspace.playback(name), workspace.peaks(name))
        library.add(replace(concert.recording, id=name, title=name))
    marked = [replace(s, recording_id=B, id=f"{B}-{i}") for i, s in enumerate(concert.segments)]
    library.save_all(marked, "asha")
    mistaught().save(own(workspace))
    with opened_studio(workspace, library) as opened:
        yield Stage(opened, concert.segments, concert.recording.duration_s)


def mistaught() -> Model:
    """The shipped model as if someone had approved every tani avartanam as a tillana."""
    shipped = Model.load(SHIPPED)
    order = list(shipped.section.classes)
    tani, tillana = order.index("tani avartanam"), order.index("tillana")
    columns = np.arange(len(order))
    columns[[tani, tillana]] = tillana, tani
    output = shipped.section.output[:, :, columns]
    return replace(shipped, section=replace(shipped.section, output=output))


def press_and_wait(page, button: str) -> str:
    """What the panel says when the work that a button begins is done."""
    said = page.locator("#suggest-said [data-state]")
    page.locator(button).click()
    expect(page.locator("#suggest-stop")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#suggest-stop")).to_be_hidden(timeout=PATIENCE_MS)
    expect(said).not_to_have_attribute("data-state", "running", timeout=PATIENCE_MS)
    assert said.get_attribute("data-state") == "done", said.inner_text()
    return said.inner_text()


def until(page, condition: Callable[[], bool]) -> None:
    """Wait until the library holds what was asked for."""
    for _ in range(PATIENCE_MS // 200):
        if condition():
            return
        page.wait_for_timeout(200)
    pytest.fail(f"waited {PATIENCE_MS / 1000:.0f} s in vain")


def test_a_corrected_suggestion_teaches_the_next_one(stage, page):
    page.goto(f"{stage.studio.url}/?tab=segment&recording={A}")
    ready = f".editor-body[data-ready=true][data-recording={A!r}]"
    page.wait_for_selector(ready, timeout=PATIENCE_MS)

    assert "suggested" in press_and_wait(page, "#suggest")
    drafts = stage.segments()
    assert {(each.origin, each.status) for each in drafts} == {("suggested", "draft")}
    rows = page.locator(".list tbody tr")
    expect(rows).to_have_count(len(drafts), timeout=PATIENCE_MS)
    before = stage.right()

    sure = {each.id for each in drafts if each.confidence >= SURE}
    if sure:
        page.get_by_role("button", name="Accept these suggestions").click()
    until(page, lambda: {s.id for s in stage.segments() if s.status == "approved"} == sure)

    correct(stage, page)
    assert all(each.status == "approved" for each in stage.segments())
    assert stage.right() > before

    assert "Better by" in press_and_wait(page, "#suggest-learn")
    stage.studio.library.edit(deleted=[each.id for each in stage.segments()])
    expect(rows).to_have_count(0, timeout=PATIENCE_MS)
    press_and_wait(page, "#suggest")
    assert stage.right() > before


def correct(stage: Stage, page) -> None:
    """Name the first region, drag its end, approve it; a colleague says the rest."""
    first, *others = stage.truth
    library = stage.studio.library
    library.edit(deleted=[each.id for each in stage.segments()[1:]], annotator="asha")
    expect(page.locator(".list tbody tr")).to_have_count(1, timeout=PATIENCE_MS)
    page.locator(".list button.name").first.click()
    if stage.segments()[0].status == "approved":
        page.keyboard.press("a")  # what is approved is locked until it is opened again
        until(page, lambda: stage.segments()[0].status == "draft")
    page.keyboard.press(KEYS[first.section])
    until(page, lambda: stage.segments()[0].section == first.section)
    if abs(stage.segments()[0].end_s - first.end_s) > 1:
        drag_end(stage, page, first.end_s)
    page.locator(".list button.name").first.click()
    page.keyboard.press("a")
    until(page, lambda: stage.segments()[0].status == "approved")
    rest = [replace(each, recording_id=A, id=f"{A}-{i}") for i, each in enumerate(others)]
    rest[0] = replace(rest[0], start_s=max(rest[0].start_s, stage.segments()[0].end_s))
    library.save_all(rest, "asha")


def drag_end(stage: Stage, page, to_s: float) -> None:
    """Drag the end of the first region."""
    box = page.locator(".wave").bounding_box()
    end_s = stage.segments()[0].end_s
    x = [box["x"] + box["width"] * t / stage.duration_s for t in (end_s - 0.15, to_s)]
    page.mouse.move(x[0], box["y"] + 70)
    page.mouse.down()
    page.mouse.move(sum(x) / 2, box["y"] + 70, steps=6)
    page.mouse.move(x[1], box["y"] + 70, steps=6)
    page.mouse.up()
    until(page, lambda: abs(stage.segments()[0].end_s - to_s) < 0.5)
