"""What a page really plays and draws: its sound is caught, its canvases are read."""

import numpy as np
from playwright.sync_api import Page
from scipy.signal import correlate

SR = 48_000
HEARD_S = 0.4
ALIGNED_S = 1.5  # how far off the sound may be to be found at all

# Before any script of the page: keep the players it makes.
WATCH = """
  window.players = [];
  const Player = window.Audio;
  window.Audio = function (...given) {
    const player = new Player(...given);
    window.players.push(player);
    return player;
  };
"""

# Play from where the cursor is and catch the first samples that are not silence.
_CATCH = """async ({sr, n}) => {
  const player = window.players.at(-1);
  if (!window.tap) {
    const context = new AudioContext({sampleRate: sr});
    const code = `registerProcessor('tap', class extends AudioWorkletProcessor {
      process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
    })`;
    const file = new Blob([code], {type: 'text/javascript'});
    await context.audioWorklet.addModule(URL.createObjectURL(file));
    const mono = {channelCount: 1, channelCountMode: 'explicit'};
    window.tap = new AudioWorkletNode(context, 'tap', mono);
    context.createMediaElementSource(player).connect(window.tap).connect(context.destination);
    await context.resume();
  }
  const heard = [];
  const enough = new Promise(done => {
    window.tap.port.onmessage = ({data}) => {
      if (!heard.length && data.every(value => value === 0)) return;
      heard.push(...data);
      if (heard.length >= n) done();
    };
  });
  const from = player.currentTime;
  player.play();
  await enough;
  player.pause();
  window.tap.port.onmessage = null;
  return {from, heard: heard.slice(0, n)};
}"""

# Where, in seconds of what is in view, the drawn wave first grows tall.
_ONSET = """({start, end, share}) => {
  const host = document.querySelector('.wave > div').shadowRoot;
  const view = document.querySelector('.wave').getBoundingClientRect();
  let first = Infinity;
  for (const canvas of host.querySelectorAll('.canvases canvas')) {
    const box = canvas.getBoundingClientRect();
    const y = Math.round(canvas.height * (0.5 - share / 2));
    const row = canvas.getContext('2d').getImageData(0, y, canvas.width, 1).data;
    for (let x = 0; x < canvas.width; x += 1) {
      if (row[4 * x + 3] < 128) continue;
      const at = box.left + (x / canvas.width) * box.width;
      if (at >= view.left) { first = Math.min(first, at); break; }
    }
  }
  return start + ((first - view.left) / view.width) * (end - start);
}"""


def heard(page: Page) -> tuple[float, np.ndarray]:
    """The time at which the player says it is, and the sound it plays from there, at `SR`."""
    caught = page.evaluate(_CATCH, {"sr": SR, "n": round(SR * HEARD_S)})
    return caught["from"], np.array(caught["heard"], np.float32)


def place_of(y: np.ndarray, original: np.ndarray, near_s: float) -> float:
    """At which second of `original` (at `SR`) the sound `y` lies, near `near_s`."""
    first = max(0, round((near_s - ALIGNED_S) * SR))
    around = original[first : first + round(2 * ALIGNED_S * SR) + len(y)]
    return (first + int(np.argmax(correlate(around, y, "valid")))) / SR


def drawn_onset(page: Page, start_s: float, end_s: float, share: float = 0.5) -> float:
    """When the drawn wave first exceeds `share` of its height, in the span in view."""
    return page.evaluate(_ONSET, {"start": start_s, "end": end_s, "share": share})
