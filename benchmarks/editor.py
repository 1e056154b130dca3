"""What a two-hour concert costs in the Segment tab, in Chromium, beside decoding it in the page.

    python benchmarks/editor.py                    the whole table, two hours
    python benchmarks/editor.py --minutes 20       sooner
    python benchmarks/editor.py --no-decode        without the page that decodes the whole file

The rival is wavesurfer.js given the same file's address and nothing else, as gradio's own Audio
component gives it: it fetches the whole file, decodes it in the page, and then draws. Both run in
the same Chromium on the same server, one after the other, so their ratio holds on a busy machine
too. Memory is the proportional set size of all of Chromium's processes (Linux counts it).
"""

import itertools
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.audio import SR, encoded, half_minute, measured
from core import audio
from core.command import run
from core.library import Library
from core.records import Recording, Segment
from core.workspace import Workspace
from tests.conftest import CHROMIUM_FLAGS
from tests.provide import chromium

log = logging.getLogger(__name__)

CONCERT, SHORT, CROWDED = "file-concert", "file-short", "file-crowded"
REGIONS = 500
EDITS = 25
PATIENCE_MS = 300_000
CHOOSER = "#segment-recording input"

RIVAL = """async ({at, url}) => {
  const began = performance.now();
  const {default: WaveSurfer} = await import(at + '/vendor/wavesurfer.esm.js');
  document.body.innerHTML = '<div id="rival" style="width: 1200px"></div>';
  const wave = WaveSurfer.create({container: '#rival', url});
  const end = await Promise.race([
    new Promise(done => wave.on('ready', () => done('ready'))),
    new Promise(done => wave.on('error', error => done('failed: ' + (error?.message ?? error)))),
  ]);
  return {end, ms: performance.now() - began};
}"""

# From the choice in the list until a click on the waveform has moved the cursor.
INTERACT = """async id => {
  const began = performance.now();
  const tick = () => new Promise(requestAnimationFrame);
  const which = `.editor-body[data-ready=true][data-recording="${id}"]`;
  const body = () => document.querySelector(which);
  while (!body()) await tick();
  const wave = body().querySelector('.wave');
  const box = wave.getBoundingClientRect();
  const inner = wave.firstElementChild.shadowRoot.querySelector('[part=wrapper]');
  const clock = body().querySelector('.transport .time');
  const at = {clientX: box.left + box.width / 2, clientY: box.top + 150, bubbles: true};
  while (clock.textContent.startsWith('0:00:00')) {
    inner.dispatchEvent(new MouseEvent('click', at));
    await tick();
  }
  return performance.now() - began;
}"""

FRAMES = """() => {
  window.frames_ = [];
  window.counting = true;
  const count = t => { window.frames_.push(t); if (window.counting) requestAnimationFrame(count); };
  requestAnimationFrame(count);
}"""

SAVED = """async () => {
  const state = document.querySelector('.editor .state');
  const body = document.querySelector('.editor-body');
  const began = performance.now();
  const key = {key: 'ArrowRight', altKey: true, bubbles: true};
  body.dispatchEvent(new KeyboardEvent('keydown', key));
  if (state.dataset.state === 'saved') throw new Error('no edit was made');
  while (state.dataset.state !== 'saved') await new Promise(done => setTimeout(done, 1));
  return performance.now() - began;
}"""


def main(minutes: float = 120.0, decode: bool = True, folder: Path | None = None) -> None:
    """Measure the editor.

    Args:
        minutes: how long the concert is.
        decode: also let wavesurfer.js decode the whole file in a page.
        folder: keep the concert here for the next time.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as scratch:
        home = folder or Path(scratch)
        home.mkdir(parents=True, exist_ok=True)
        source = home / f"concert-{minutes:g}.mp3"
        if not source.is_file():
            log.info("making %s", source.name)
            _concert(source, minutes)
        log.info("load %.1f on %d processors", os.getloadavg()[0], os.cpu_count())
        log.info("peaks and playback copy      %s", measured(source, "prepare"))
        with studio(Workspace.at(Path(scratch) / "workspace"), source) as url, browser() as chrome:
            told(measure(chrome, url, decode))


def told(figures: dict[str, float | str]) -> None:
    """Print the table."""
    for what, value in figures.items():
        log.info("%-48s %s", what, value if isinstance(value, str) else f"{value:.1f}")


def measure(chrome, url: str, decode: bool) -> dict[str, float | str]:
    """Every figure, in one browser."""
    context = chrome.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(url)
    page.get_by_role("tab", name="Segment").wait_for(timeout=PATIENCE_MS)
    time.sleep(5)
    empty_mb = memory_mb()
    page.get_by_role("tab", name="Segment").click()
    page.wait_for_selector(".editor-body[data-ready=true]", timeout=PATIENCE_MS)
    figures: dict[str, float | str] = {}
    times = []
    for _ in range(3):
        choose(page, "a short one", SHORT)
        times.append(choose(page, "concert", CONCERT))
    figures["click to first interaction, s (median of 3)"] = statistics.median(times) / 1000
    work(page)
    figures["browser memory above the empty app, MB"] = memory_mb() - empty_mb
    choose(page, "crowded", CROWDED)
    figures[f"frames a second while dragging, {REGIONS} regions"], worst = dragged(page)
    figures["... its slowest frame of twenty, ms"] = worst
    figures["one edit until saved, ms (median)"] = statistics.median(
        page.evaluate(SAVED) for _ in range(EDITS)
    )
    context.close()
    if decode:
        figures |= rival(chrome, url, statistics.median(times))
    return figures


def choose(page, title: str, recording: str) -> float:
    """Choose a recording in the list; milliseconds from there to a cursor that obeys a click."""
    chooser = page.locator(CHOOSER)
    chooser.click()
    chooser.fill(title)
    chooser.press("Enter")
    return page.evaluate(INTERACT, recording)


def work(page) -> None:
    """Zoom in, play, seek far and look at the spectrogram, as an annotator would."""
    page.locator(".editor-body").focus()
    for key in ("+", "+", "+", "+", "+", "+", "Space"):
        page.keyboard.press(key)
        time.sleep(0.5)
    for _ in range(4):
        page.keyboard.press("PageDown")
        time.sleep(1)
    page.keyboard.press("Space")
    page.keyboard.press("f")
    time.sleep(3)


def dragged(page) -> tuple[float, float]:
    """Frames a second while the long region is dragged to and fro; the 95th centile of a frame."""
    from playwright.sync_api import expect

    page.locator(".editor-body").focus()
    page.keyboard.press("f")
    wave = page.locator(".wave").bounding_box()
    x, y = wave["x"] + 0.84 * wave["width"], wave["y"] + 60
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(FRAMES)
    end = time.perf_counter() + 2
    k = 0
    while time.perf_counter() < end:
        k += 1
        page.mouse.move(x + 50 * abs((k % 40) / 20 - 1), y)
    frames = page.evaluate("() => { window.counting = false; return window.frames_; }")
    page.mouse.up()
    expect(page.locator(".editor .state")).to_have_attribute("data-state", "saved")
    gaps = sorted(b - a for a, b in itertools.pairwise(frames))
    return 1000 * len(gaps) / sum(gaps), gaps[int(0.95 * len(gaps))]


def rival(chrome, url: str, ours_ms: float) -> dict[str, float | str]:
    """The page that decodes the whole file."""
    context = chrome.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    at = f"{url}/gradio_api/studio"
    page.goto(f"{at}/search/raga?text=sri")  # any small page of the same origin
    before_mb = memory_mb()
    from playwright.sync_api import Error

    with watching() as most_mb:
        try:
            end = page.evaluate(RIVAL, {"at": at, "url": f"{at}/recordings/{CONCERT}/sound"})
        except Error as error:  # the page itself may run out of memory
            end = {"end": f"failed: {str(error).splitlines()[0]}", "ms": float("nan")}
    context.close()
    return {
        "decoding in the page: ended": end["end"],
        "decoding in the page, s": end["ms"] / 1000,
        "... times ours": end["ms"] / ours_ms,
        "... its memory, MB above an empty page": most_mb() - before_mb,
    }


@contextmanager
def watching() -> Iterator[Callable[[], float]]:
    """The most memory that Chromium holds meanwhile, in MB."""
    import threading

    most, stop = [0.0], threading.Event()

    def look() -> None:
        while not stop.wait(0.5):
            most[0] = max(most[0], memory_mb())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    yield lambda: most[0]
    stop.set()
    thread.join()


def memory_mb() -> float:
    """Proportional set size of this process's Chromium, in MB."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(status.parent.name))
    total, waiting = 0.0, [os.getpid()]
    while waiting:
        for child in children.get(waiting.pop(), []):
            waiting.append(child)
            total += _pss_mb(child)
    return total


def _pss_mb(process: int) -> float:
    try:
        if "chrom" not in Path(f"/proc/{process}/comm").read_text():
            return 0.0
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


@contextmanager
def studio(workspace: Workspace, source: Path) -> Iterator[str]:
    """A studio with the concert, a minute of it, and the concert with many regions."""
    from studio.build import build_studio, launch_settings
    from studio.editor import setup

    setup.main()
    library = Library.of(workspace)
    concert = workspace.playback(CONCERT), workspace.peaks(CONCERT)
    length_s = audio.prepare(source, *concert).duration_s
    known = Recording(CONCERT, "concert", length_s, "own", "a benchmark", tonic_hz=110.0)
    _minute(workspace)
    library.add(known)
    library.add(replace(known, id=SHORT, title="a short one", duration_s=60.0))
    library.add(replace(known, id=CROWDED, title="crowded"))
    for place in (workspace.playback, workspace.peaks):
        place(CROWDED).hardlink_to(place(CONCERT))
    step = 0.8 * length_s / (REGIONS - 1)
    short = [Segment(CROWDED, step * i, step * (i + 0.8), "kriti") for i in range(REGIONS - 1)]
    long = Segment(CROWDED, 0.82 * length_s, 0.9 * length_s, "alapanai")
    library.save_all([*short, long])
    page = build_studio(workspace, library)
    settings = launch_settings(workspace, library)
    _, url, _ = page.launch(
        server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **settings
    )
    yield url.rstrip("/")
    page.close()
    library.close()


def _concert(path: Path, minutes: float) -> None:
    """A stereo mp3 of 192 kb/s: the frames of half a minute again and again are an mp3 too."""
    import av

    half = half_minute()
    part = path.with_suffix(".part")
    plain = {"write_xing": "0", "id3v2_version": "0"}
    with av.open(str(part), "w", format="mp3", options=plain) as container:
        stream = container.add_stream("libmp3lame", rate=SR, layout="stereo")
        stream.bit_rate = 192_000
        frame = av.AudioFrame.from_ndarray(half, "fltp", "stereo")
        frame.sample_rate = SR
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    path.write_bytes(part.read_bytes() * round(2 * minutes))
    part.unlink()


def _minute(workspace: Workspace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        short = encoded(Path(folder) / "short.mp3", half_minute(), 1)
        audio.prepare(short, workspace.playback(SHORT), workspace.peaks(SHORT))


@contextmanager
def browser() -> Iterator:
    """A running Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)


if __name__ == "__main__":
    run(main)
