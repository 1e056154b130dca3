// The clip's panel: the playhead over its pictures, seeking by mouse and keys, and the tanpura,
// which sounds without a gap because it is looped sample by sample. Buttons tell Python by name.
const presses = ['again', 'vary', 'extend'];
const player = () => element.querySelector('audio');
const stage = () => element.querySelector('.stage');
let drone = null;

function place() {
  const head = element.querySelector('.head');
  const sound = player();
  if (!head || !sound) return;
  const seconds = Number(stage().dataset.seconds);
  head.style.left = `${100 * Math.min(1, sound.currentTime / seconds)}%`;
  stage().setAttribute('aria-valuenow', sound.currentTime.toFixed(1));
  if (!sound.paused) requestAnimationFrame(place);
}

async function startDrone(box) {
  stopDrone();
  const context = new AudioContext();
  const level = context.createGain();
  level.gain.value = loudness();
  drone = { context, level, src: box.dataset.src };
  const bytes = await (await fetch(box.dataset.src)).arrayBuffer();
  const source = context.createBufferSource();
  source.buffer = await context.decodeAudioData(bytes);
  source.loop = true;
  source.connect(level).connect(context.destination);
  source.start();
  box.dataset.sounding = 'true';
}

function stopDrone() {
  drone?.context.close();
  drone = null;
}

function loudness() {
  const slider = element.querySelector('[data-drone-level]');
  return 0.5 * Number(slider?.value ?? 0.5) ** 2;
}

function seek(share) {
  const sound = player();
  sound.currentTime = Math.min(Math.max(share, 0), 1) * Number(stage().dataset.seconds);
  place();
}

element.addEventListener('click', (event) => {
  for (const what of presses) {
    const pressed = event.target.closest(`[data-${what}]`);
    if (pressed) trigger(what, { clip_id: pressed.dataset[what] });
  }
  const at = event.target.closest('.stage');
  if (at) {
    const box = at.getBoundingClientRect();
    seek((event.clientX - box.left) / box.width);
  }
});
element.addEventListener('keydown', (event) => {
  if (!event.target.matches('.stage')) return;
  const sound = player();
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step) seek((sound.currentTime + step) / Number(stage().dataset.seconds));
  else if (event.key === ' ') sound.paused ? sound.play() : sound.pause();
  else return;
  event.preventDefault();
});
element.addEventListener('change', (event) => {
  if (!event.target.matches('[data-drone]')) return;
  if (event.target.checked) startDrone(event.target);
  else stopDrone();
});
element.addEventListener('input', (event) => {
  if (event.target.matches('[data-drone-level]') && drone) drone.level.gain.value = loudness();
});
for (const name of ['play', 'seeked', 'timeupdate', 'pause']) element.addEventListener(name, place, true);
element.addEventListener('play', () => {
  for (const other of document.querySelectorAll('audio')) if (other !== player()) other.pause();
}, true);
// Another clip in the panel: the drone goes on if it has the same Sa, and what was asked for plays.
new MutationObserver(() => {
  const box = element.querySelector('[data-drone]');
  if (drone && box) {
    box.checked = true;
    if (drone.src !== box.dataset.src) startDrone(box);
    else box.dataset.sounding = 'true';
  }
  const section = element.querySelector('.clip');
  const after = window.studioPlaysAfter;
  if (section && after && section.dataset.clip !== after) {
    window.studioPlaysAfter = null;
    element.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
    player().play().catch(() => {});
  }
}).observe(element, { childList: true, subtree: true });
