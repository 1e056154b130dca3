"""A library with approved segments in, a recogniser of their ragas out."""

import numpy as np
import pytest
import soundfile

from core import theory
from core.errors import DatasetError, ModelError
from core.library import Library
from core.raga import main
from core.raga_learning import learn
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
