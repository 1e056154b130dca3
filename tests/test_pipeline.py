"""Every stage in turn, as the commands a user types, on sound in the formats people have."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from core import synthesis
from core.audio import load
from core.library import Library
from core.records import Segment
from core.spectrogram import read_image
from core.workspace import DEMO_MODEL, PROJECT, Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Workspace:
    return Workspace.at(tmp_path_factory.mktemp("pipeline") / "workspace")


@pytest.fixture(scope="module")
def command(studio):
    def run(module: str, *arguments: object, status: int = 0) -> str:
        result = subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=PROJECT,
            timeout=600,
            check=False,
            env={**os.environ, "STUDIO_WORKSPACE": str(studio.root)},
        )
        assert result.returncode == status, result.stderr[-2000:]
        return result.stdout + result.stderr

    return run


def encode(source: Path, target: Path, codec: str) -> None:
    """Write `source` again in another format, as a phone or an encoder would."""
    y, sr = soundfile.read(source, dtype="float32")
    with av.open(str(target), "w") as container:
        stream = container.add_stream(codec, rate=sr, layout="mono")
        fifo = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=sr)
        frame = av.AudioFrame.from_ndarray(y[None, :], format="fltp", layout="mono")
        frame.sample_rate = sr
        buffer = av.AudioFifo()
        for piece in fifo.resample(frame):
            buffer.write(piece)
        size = stream.codec_context.frame_size or 1152
        while (piece := buffer.read(size, partial=True)) is not None:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def concerts(command, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("concerts")
    command("core.synthesis", "--out", folder, "--seed", 3, "--minutes", 4)
    (flac,) = folder.glob("*.flac")
    encode(flac, folder / "phone.m4a", "aac")
    encode(flac, folder / "share.mp3", "libmp3lame")
    return folder


def test_one_concert_in_one_clip_out(command, studio, concerts, tmp_path):
    command("core.download", *sorted(concerts.glob("*.*[!n]")), "--rights", "own")
    library = Library.of(studio)
    recordings = library.recordings()
    assert len(recordings) == 3  # flac, m4a and mp3 differ in their bytes

    truth = synthesis.read_truth(next(concerts.glob("*.json")))
    for recording in recordings:
        assert recording.duration_s == pytest.approx(truth.recording.duration_s, abs=0.1)
        library.change(replace(recording, tonic_hz=truth.recording.tonic_hz))
        for true in truth.segments:
            mark = Segment(
                recording.id, true.start_s, min(true.end_s, recording.duration_s), true.section,
                raga=true.raga, tala=true.tala, status="approved",
            )  # fmt: skip
            library.save(mark, annotator="a newcomer")

    captions = tmp_path / "captions.csv"
    command("core.caption", "--template", "rich", "--out", captions)
    assert truth.segments[0].raga in captions.read_text()
    assert "None" not in captions.read_text()

    command("core.export", "--name", "demo")
    dataset = studio.dataset("demo")
    rows = [
        json.loads(line) for line in (dataset / "train/metadata.jsonl").read_text().splitlines()
    ]
    assert rows
    image, codec = read_image(dataset / "train" / rows[0]["file_name"])
    assert image.shape == (codec.n_rows, codec.width)

    run = tmp_path / "run"
    command(
        "training.finetune", "--dataset", dataset, "--base", DEMO_MODEL, "--output", run,
        "--max-steps", 20, "--batch-size", 2,
    )  # fmt: skip
    assert json.loads((run / "status.json").read_text())["state"] == "finished"

    clip = tmp_path / "clip.wav"
    again = tmp_path / "again.wav"
    for out in (clip, again):
        command(
            "training.generate", "--model", run / "model", "--raga", "Mohanam", "--tala", "Adi",
            "--section", "kriti", "--seconds", 5, "--seed", 1, "--steps", 4, "--out", out,
        )  # fmt: skip
    y, sr = load(clip)
    assert len(y) / sr == pytest.approx(5.0, abs=0.01)
    assert np.abs(y).max() > 0.001
    assert clip.read_bytes() == again.read_bytes()


def test_a_mistake_is_one_line_and_status_two(command, tmp_path):
    words = tmp_path / "words.mp3"
    words.write_text("this is no sound")
    said = command("core.download", words, status=2)
    assert "words.mp3" in said
    assert "Traceback" not in said
    said = command("training.generate", "--raga", "Kalyni", "--out", tmp_path / "x.wav", status=2)
    assert "Did you mean Kalyani" in said
    assert not (tmp_path / "x.wav").exists()


@pytest.mark.parametrize(
    "source",
    [
        "karadifilms/raag_mohana.m4a",
        "mixtures/example1_mixture.wav",
        "seed-clips/raga Behag and composer Lalgudi Jayaraman.mp3",
    ],
)
def test_real_recordings_pass_through_every_stage(source, command, material, tmp_path, monkeypatch):
    place = Workspace.at(tmp_path / "workspace")
    monkeypatch.setenv("STUDIO_WORKSPACE", str(place.root))
    run = ["--workspace", place.root]
    command("core.download", material / "audio" / source, *run)
    library = Library.of(place)
    (recording,) = library.recordings()
    library.change(replace(recording, tonic_hz=146.8))
    end_s = min(30.0, recording.duration_s)
    library.save(Segment(recording.id, 0.0, end_s, "kriti", raga="Mohanam", status="approved"))
    command("core.export", "--name", "real", *run)
    pictures = sorted(place.dataset("real").glob("train/*.png"))
    assert pictures
    with Image.open(pictures[0]) as picture:
        assert np.asarray(picture).std() > 5  # something is drawn
    sound = tmp_path / "back.wav"
    command("core.spectrogram", "decode", pictures[0], sound)
    y, sr = load(sound)
    assert len(y) > 4 * sr
    assert np.sqrt(np.mean(y**2)) > 1e-3
