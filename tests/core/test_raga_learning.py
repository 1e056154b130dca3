"""A library with approved segments in, a recogniser of their ragas out."""

import json

import numpy as np
import pytest
import soundfile

from core import theory
from core.errors import DatasetError, ModelError
from core.library import Library
from core.raga import main
from core.raga_learning import features_of, learn
from core.records import Recording, Segment
from core.tdms import Recogniser

SR = 16_000
SA = 200.0


def sung(name: str) -> np.ndarray:
    """Sixteen seconds of a scale, half a second a svara."""
    raga = theory.raga(name)
    cents = np.resize(np.array([*raga.arohana_cents, *raga.avarohana_cents], dtype=float), 32)
    phase = 2 * np.pi * np.cumsum(np.repeat(SA * 2 ** (cents / 1200), SR // 2)) / SR
    return sum(np.sin(k * phase) / k for k in range(1, 6)) * 0.1


@pytest.fixture
def library(workspace):
    library = Library.of(workspace)
    for i, raga in enumerate(("Mohanam", "Todi")):
        recording = Recording(
            id=f"sample-{i}",
            title=raga,
            duration_s=16.0,
            rights="own",
            source="synthesised",
            tonic_hz=SA,
        )
        soundfile.write(workspace.audio_target(recording.id, ".wav"), sung(raga), SR)
        library.add(recording)
        library.save(
            Segment(
                recording_id=recording.id,
                start_s=0.0,
                end_s=16.0,
                section="alapanai",
                raga=raga,
                status="approved",
            )
        )
    yield library
    library.close()


def test_what_was_approved_is_recognised_again(workspace, library, tmp_path):
    learn(workspace, library).save(tmp_path / "ragas.npz")
    for i, raga in enumerate(("Mohanam", "Todi")):
        said = main(workspace.audio(f"sample-{i}"), tonic_hz=SA, learned=tmp_path / "ragas.npz")
        assert said.splitlines()[1].startswith(raga)


def test_one_raga_is_nothing_to_tell_apart(workspace, library):
    library.delete(library.segments("sample-1")[0].id)
    with pytest.raises(DatasetError, match="at least 2"):
        learn(workspace, library)


def test_a_missing_file_of_learned_ragas_is_refused(tmp_path):
    with pytest.raises(ModelError, match="raga_learning"):
        Recogniser.load(tmp_path / "none.npz")


def features(folder, per_raga: int = 3):
    """A folder as the CompMusic raga datasets unpack: tracks of 4.4 ms, tonics, names by id."""
    rows, names = {}, {"r-1": "Mōhanaṁ", "r-2": "Tōḍi", "r-3": "Nobody's raga"}
    for number, (raga_id, raga) in enumerate(
        (("r-1", "Mohanam"), ("r-2", "Todi"), ("r-3", "Todi"))
    ):
        for i in range(per_raga):
            path = folder / f"features/Artist {i}/Concert/song {number}-{i}"
            path.parent.mkdir(parents=True, exist_ok=True)
            scale = theory.raga(raga)
            cents = np.resize([*scale.arohana_cents, *scale.avarohana_cents], 60 + i)
            hz = np.repeat(SA * 2 ** (cents / 1200), 113)
            hz[::50] = 0
            lines = [f"{0.0044444 * k:.7f}\t{value:.6f}" for k, value in enumerate(hz)]
            path.with_suffix(".pitch").write_text("\n".join(lines))
            path.with_suffix(".tonic").write_text(f"{SA}\n")
            rows[f"mbid-{number}-{i}"] = {
                "path": f"RagaDataset/Carnatic/audio/{path.name}",
                "mbid": f"mbid-{number}-{i}",
                "ragaid": raga_id,
            }
    info = folder / "_info_"
    info.mkdir()
    (info / "path_mbid_ragaid.json").write_text(json.dumps(rows))
    (info / "ragaId_to_ragaName_mapping.json").write_text(json.dumps(names))


def test_a_datasets_features_are_learned_without_any_sound(tmp_path, caplog):
    features(tmp_path)
    melodies = features_of(tmp_path)
    assert sorted({each.raga for each in melodies}) == ["Mohanam", "Todi"]
    assert len(melodies) == 6
    assert "3 x Nobody's raga" in caplog.text
    known = Recogniser.fit(melodies)
    assert known.rank(melodies[0].track, SA)[0].raga.name == melodies[0].raga


def test_a_folder_that_holds_no_features_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="CompMusic"):
        features_of(tmp_path)
    features(tmp_path)
    (tmp_path / "features/Artist 0/Concert/song 0-0.tonic").unlink()
    with pytest.raises(DatasetError, match="tonic"):
        features_of(tmp_path)
