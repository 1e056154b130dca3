"""The editor's ears: sound and picture agree, the tonic is tried by ear, the melody is drawn."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core import audio
from studio.editor import setup
from tests.sounds import headless_mp3
from tests.studio.conftest import Opened, silent
from tests.studio.hearing import SR, WATCH, drawn_onset, heard, place_of

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

PATIENCE_MS = 90_000
BURSTS_S = (31.207, 80.493, 121.871)
BURST_S = 0.8  # together more than the hundredth that the drawing lets go past its height
AGREE_S = 0.03
NOISE = "file-noise"
TONES = "file-tones"


@pytest.fixture(scope="module")
def noise(studio: Opened) -> np.ndarray:
    """Soft noise with a few loud bursts, imported from an mp3 of varying rate, at `SR`."""
    setup.main()
    rng = np.random.default_rng(5)
    y = 0.02 * rng.standard_normal(155 * 44_100)
    for burst in BURSTS_S:
        y[round(burst * 44_100) : round((burst + BURST_S) * 44_100)] *= 15
    path = studio.workspace.audio_target(NOISE, ".mp3")
    headless_mp3(path, y, 44_100)
    place = studio.workspace.playback(NOISE), studio.workspace.peaks(NOISE)
    length_s = audio.prepare(path, *place).duration_s
    studio.library.add(silent(NOISE, title="Noise", duration_s=length_s, tonic_hz=None))
    return audio.load(path, sr=SR)[0]


@pytest.fixture(scope="module")
def page(browser, noise):
    """One page for all these tests, whose player and oscillators are watched."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


def _open(studio: Opened, page: Page, recording: str) -> None:
    page.goto(f"{studio.url}/?tab=segment&recording={recording}")
    page.wait_for_selector(".editor-body[data-ready=true]", timeout=PATIENCE_MS)
    page.locator(".editor-body").focus()


def test_sound_cursor_and_waveform_agree_anywhere_in_a_vbr_recording(studio, page, noise):
    """A click on a drawn onset is heard as that onset: within 30 ms, as is all between."""
    _open(studio, page, NOISE)
    box = page.locator(".wave").bounding_box()
    for burst in BURSTS_S:
        page.keyboard.press("f")
        expect(page.locator("[part=minimap-overlay]")).to_have_css("left", "0px")
        page.mouse.click(box["x"] + box["width"] * burst / (len(noise) / SR), box["y"] + 150)
        for _ in range(7):
            page.keyboard.press("+")
        start, end = _view(page)
        assert start < burst < end
        onset = drawn_onset(page, start, end)
        first = round(start * SR)
        true_onset = (first + np.argmax(np.abs(noise[first:]) > 0.15)) / SR
        assert onset == pytest.approx(true_onset, abs=AGREE_S)
        share = (onset - start) / (end - start)
        page.mouse.click(box["x"] + box["width"] * share, box["y"] + 150)
        said, y = heard(page)
        assert said == pytest.approx(onset, abs=AGREE_S)
        assert place_of(y, noise, said) == pytest.approx(said, abs=AGREE_S)


def test_the_tonic_is_tried_against_a_drone_and_then_confirmed(studio, page):
    _open(studio, page, TONES)
    card = page.get_by_role("region", name="Tonic")
    card.get_by_role("button", name="Estimate the tonic").click()
    likely = card.get_by_role("group", name="Likely tonics").get_by_role("button")
    expect(likely.first).to_contain_text("%", timeout=PATIENCE_MS)
    drone = card.get_by_role("button", name="Drone")
    expect(drone).to_have_attribute("aria-pressed", "true")  # the likeliest sounds at once
    field = card.get_by_label("Tonic (Hz)")
    field.fill("222")
    field.press("Enter")
    expect(drone).to_have_attribute("data-hz", "222.00")
    for _ in range(2):
        card.get_by_role("button", name="10 cents down").click()
    expect(drone).to_have_attribute("data-hz", "219.45")
    assert studio.library.recording(TONES).tonic_hz == 146.8  # until someone says so
    card.get_by_role("button", name="This is Sa").click()
    expect(card).to_contain_text("Sa is A3, 219.45 Hz")
    expect(drone).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".editor .state")).to_have_attribute("data-state", "saved")
    assert studio.library.recording(TONES).tonic_hz == pytest.approx(219.449, abs=0.01)


def test_the_melody_is_told_in_cents_above_sa(studio, page):
    known = studio.library.recording(TONES)
    studio.library.change(silent(TONES, duration_s=known.duration_s, tonic_hz=220.0))
    _open(studio, page, TONES)
    readout = page.locator(".strip .readout")
    page.keyboard.press("b")
    expect(readout).to_be_visible()
    box = page.locator(".wave").bounding_box()
    for t, svara, cents in ((15, "S", 0), (45, "P", 702), (75, "S", 1200)):
        page.mouse.click(box["x"] + box["width"] * t / known.duration_s, box["y"] + 150)
        expect(readout).to_contain_text(re.compile(rf"^{svara} .* c above Sa"))
        told = float(re.search(r"(-?\d+) c above Sa", readout.inner_text())[1])
        assert told == pytest.approx(cents, abs=10)
    page.keyboard.press("b")
    expect(readout).to_be_hidden()


def test_svara_lines_lie_at_the_ragas_svaras(studio, page):
    _open(studio, page, TONES)
    page.keyboard.press("v")
    lines = page.locator(".strip .svara")
    expect(lines.first).to_be_visible()
    places = lines.evaluate_all(
        "nodes => nodes.map(node => [node.className, parseFloat(node.style.top)])"
    )
    first, second, *_ = (i for i, (name, _) in enumerate(places) if name == "svara sa")
    octave = places[first][1] - places[second][1]
    cents = [1200 * (places[first][1] - top) / octave for _, top in places[first:second]]
    assert cents == pytest.approx([0, 200, 400, 700, 900], abs=2)  # of Mohanam


_SEEN = """async node => {
  for (let i = 0; i < 2; i += 1) await new Promise(requestAnimationFrame);  // it has been drawn
  const {left, width} = node.style;
  const {duration} = window.players.at(-1);
  return [parseFloat(left), parseFloat(left) + parseFloat(width)].map(at => at * duration / 100);
}"""


def _view(page: Page) -> tuple[float, float]:
    """The first and last second in view, by the overview's window."""
    start, end = page.locator("[part=minimap-overlay]").evaluate(_SEEN)
    return start, end
