"""The Train tab in a real browser: check, launch, leave, come back, listen, stop, resume, done."""

import json
import time

import pytest
from playwright.sync_api import expect

from tests.training.lesson import small_dataset, small_model
from training import jobs

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_MS = 240_000  # importing torch and diffusers alone may take a busy machine a minute


@pytest.fixture
def prepared(studio):
    """A small dataset in the workspace, and a small model to start from."""
    dataset = studio.workspace.dataset("lesson")
    if not dataset.exists():
        small_dataset(dataset)
    base = studio.workspace.models() / "small"
    return studio, base if base.exists() else small_model(base)


def number(page, name: str, value) -> None:
    page.locator(f"#train-{name} input").fill(str(value))
    page.locator(f"#train-{name} input").press("Tab")


def step_of(run) -> int:
    return json.loads((run / "status.json").read_text())["step"]


def until(condition) -> None:
    give_up = time.monotonic() + PATIENCE_MS / 1000
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.2)


def state_is(page, state: str) -> None:
    expect(page.locator("#train-state .run")).to_have_attribute(
        "data-state", state, timeout=PATIENCE_MS
    )


def test_a_run_is_checked_launched_left_heard_stopped_resumed_and_done(prepared, browser):
    studio, base = prepared
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(f"{studio.url}?tab=train")
    expect(page.locator("#train-dataset input")).to_have_value("lesson", timeout=PATIENCE_MS)
    expect(page.locator("#train-launch")).to_be_disabled()

    page.get_by_role("button", name="Settings").first.click()
    box = page.locator("#train-base input")
    box.fill(str(base))
    box.press("Enter")
    number(page, "max-steps", 3000)
    page.get_by_role("button", name="Everything else").click()
    number(page, "sample-every", 40)
    number(page, "validate-every", 20)
    page.locator("#train-check").click()
    report = page.locator("#train-report .preflight")
    expect(report).to_have_attribute("data-ready", "true", timeout=PATIENCE_MS)
    expect(report).to_contain_text("6 train, 2 validation")
    expect(report).to_contain_text("3000 steps of")
    expect(page.locator("#train-said")).to_contain_text("training.finetune")

    page.locator("#train-launch").click()
    state_is(page, "running")
    run_id = page.locator("#train-run input").input_value().split(" ")[0]
    context.close()  # the run does not care

    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(f"{studio.url}?tab=train")
    player = page.locator("#train-samples li[data-step='40'] audio").first
    expect(player).to_be_attached(timeout=PATIENCE_MS)
    length_s = player.evaluate(
        """async (player) => {
             player.preload = 'metadata';
             player.load();
             await new Promise(done => player.addEventListener('loadedmetadata', done));
             await player.play();
             return player.duration;
           }"""
    )
    assert length_s > 0.5
    expect(page.locator("#train-samples .svaras").first).to_be_attached()
    page.locator("[data-do=stop]").click()
    state_is(page, "stopped")
    run = studio.workspace.run(run_id)
    stopped = step_of(run)
    assert (run / f"checkpoints/step-{stopped:06d}").is_dir()

    page.locator("[data-do=resume]").click()
    state_is(page, "running")
    until(lambda: step_of(run) > stopped)
    page.locator("[data-do=stop]").click()
    state_is(page, "stopped")
    page.get_by_role("button", name="Settings").first.click()
    page.locator("[data-do=settings]").click()
    expect(page.locator("#train-base input")).to_have_value(str(base), timeout=PATIENCE_MS)
    jobs.resume(studio.workspace, run_id, max_steps=step_of(run) + 3)
    state_is(page, "finished")
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))
    assert (run / "model/model_index.json").exists()
    context.close()
