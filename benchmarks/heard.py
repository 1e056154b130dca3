"""What is heard of a sample concert of a minute: rendered, listened to, and kept as one file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.pitch import PitchTrack
from core.tonic import Evidence, listen

# Forty ragas much sung: those of the CompMusic Carnatic raga dataset, five of them exchanged for
# five that real test recordings are in.
FORTY = """Abhogi, Anandabhairavi, Arabhi, Atana, Begada, Behag, Bhairavi, Bilahari, Dhanyasi,
Hamsadhwani, Harikambhoji, Hindolam, Kalyana Vasantam, Kalyani, Kambhoji, Kanada, Kapi,
Kedaragowla, Khamas, Kharaharapriya, Madhyamavati, Mohanam, Mukhari, Natakurinji, Neelambari,
Pantuvarali, Purvikalyani, Reetigowla, Sahana, Sankarabharanam, Saveri, Shanmukhapriya,
Sindhubhairavi, Sri, Sriranjani, Surutti, Todi, Varali, Chenchurutti, Yadukulakambhoji""".replace(
    "\n", " "
).split(", ")


@dataclass(frozen=True)
class Heard:
    """A concert's truth and what the ear makes of it; `true_hz` has 100 points a second."""

    seed: int
    raga: str
    lead: str
    tonic_hz: float
    true_hz: np.ndarray
    track: PitchTrack
    evidence: Evidence


def hear(seed: int, folder: Path, minutes: float = 1.0) -> Heard:
    """Render the concert of a seed in raga `FORTY[seed % 40]` and listen to it, once."""
    path = folder / f"heard-{seed}-{minutes:g}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _keep(seed, minutes, path)
    kept = np.load(path)
    return Heard(
        seed=seed,
        raga=str(kept["raga"]),
        lead=str(kept["lead"]),
        tonic_hz=float(kept["tonic_hz"]),
        true_hz=kept["true_hz"],
        track=PitchTrack(kept["times_s"], kept["hz"], kept["confidence"]),
        evidence=Evidence(*(kept[name] for name in ("partials", "saliences", "rests", "melody"))),
    )


def _keep(seed: int, minutes: float, path: Path) -> None:
    from core.synthesis import plan, render

    concert = render(seed, minutes, plan(seed, minutes, ragas=[FORTY[seed % len(FORTY)]]))
    track, evidence = listen([concert.y], concert.sr)
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        raga=concert.recording.raga,
        lead=concert.recording.artists[0].instrument,
        tonic_hz=concert.recording.tonic_hz,
        true_hz=concert.f0_hz,
        **vars(track),
        **vars(evidence),
    )
    part.replace(path)
