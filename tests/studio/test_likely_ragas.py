"""The likely ragas of a region: heard, told at an address, and pressed in the page."""

import gradio as gr
import numpy as np
import pytest
from fastapi.testclient import TestClient

from core import audio, theory
from core.library import Library
from core.raga_evidence import hear
from core.workspace import Workspace
from studio.editor import setup
from studio.editor.routes import PREFIX, routes
from tests.studio.conftest import segment, silent

SR, SA = 22_050, 146.83
ID, REGION = "file-mohanam", "a" * 32


def sung(workspace: Workspace, library: Library) -> None:
    """Twenty seconds up and down Mohanam, then four of clapping."""
    raga = theory.raga("Mohanam")
    cents = np.resize([*raga.arohana_cents, *raga.avarohana_cents], 40)
    hz = np.repeat(SA * 2 ** (cents / 1200), SR // 2)
    phase = 2 * np.pi * np.cumsum(hz) / SR
    y = sum(np.sin(k * phase) / k for k in range(1, 6)) * 0.1
    rng = np.random.default_rng(0)
    claps = rng.standard_normal(4 * SR) * (np.arange(4 * SR) % (SR // 4) < 400) * 0.3
    y = np.concatenate([y, claps]).astype(np.float32)
    path = workspace.audio_target(ID, ".flac")
    audio.write(path, y, SR)
    audio.prepare(path, workspace.playback(ID), workspace.peaks(ID))
    library.add(silent(ID, title="Scales", duration_s=24.0, raga=None, tonic_hz=SA))
    library.save(segment(ID, 0.0, 20.0, id=REGION, raga="Hindolam"))
    library.save(segment(ID, 20.0, 24.0, id="b" * 32, section="tani avartanam"))


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Workspace:
    return Workspace.at(tmp_path_factory.mktemp("likely"))


@pytest.fixture(scope="module")
def client(place):
    workspace, library = place, Library.of(place)
    sung(workspace, library)
    with gr.Blocks(analytics_enabled=False) as page:
        pass
    app = gr.routes.App.create_app(page, app_kwargs={"routes": routes(workspace, library)})
    yield TestClient(app, base_url="http://localhost")
    library.close()


def test_a_region_is_told_its_likely_ragas_and_how_it_keeps_to_its_label(client):
    said = client.get(f"{PREFIX}/recordings/{ID}/segments/{REGION}/ragas").json()
    assert said["likely"][0]["name"] == "Mohanam"
    assert said["label"]["name"] == "Hindolam"
    assert "foreign svaras" in said["label"]["fit"]
    assert said["tonic_hz"] == pytest.approx(SA, abs=0.01)
    assert sum(said["histogram"]) == pytest.approx(1, abs=0.01)
    loudest = 10 * np.argsort(said["histogram"])[-5:]
    assert {round(at / 100) * 100 % 1200 for at in loudest} <= {0, 200, 400, 700, 900}
    heard = [cents for cents in said["contour"]["cents"] if cents is not None]
    assert len(heard) * said["contour"]["step_s"] == pytest.approx(20, abs=2)


def test_percussion_is_told_to_have_no_raga(client):
    said = client.get(f"{PREFIX}/recordings/{ID}/segments/{'b' * 32}/ragas").json()
    assert said["likely"] == []
    assert "No melody" in said["note"]
    assert said["label"] is None


def test_what_is_not_there_is_said_in_words(client):
    answer = client.get(f"{PREFIX}/recordings/{ID}/segments/{'c' * 32}/ragas")
    assert answer.status_code == 404
    assert "not saved" in answer.json()["error"]


def test_a_sa_that_nobody_confirmed_is_said_to_be_a_guess(client, place):
    found = hear(place.playback(ID), (0.0, 20.0), None)
    assert "not confirmed" in found.note
    assert found.likely


@pytest.mark.browser
def test_a_likely_raga_is_asked_for_and_taken_over_by_a_press(studio, browser):
    from playwright.sync_api import expect

    setup.main()
    sung(studio.workspace, studio.library)
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{studio.url}/?tab=segment&recording={ID}&segment={REGION}")
    page.wait_for_selector(f".editor-body[data-ready=true][data-recording={ID!r}]", timeout=90_000)
    page.locator(".list button.name").first.click()
    page.get_by_role("button", name="Likely ragas of this region").click()
    likely = page.get_by_role("group", name="Likely ragas").get_by_role("button")
    expect(likely.first).to_contain_text("Mohanam", timeout=90_000)
    expect(page.locator(".ragas svg")).to_have_count(2)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    likely.first.click()
    expect(page.locator(".editor .state")).to_have_attribute("data-state", "saved", timeout=90_000)
    regions = {each.id: each.raga for each in studio.library.segments(ID)}
    assert regions[REGION] == "Mohanam"
    context.close()
