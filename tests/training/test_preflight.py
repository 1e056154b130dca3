"""What is seen before a run is launched, and the two steps that measure it."""

import json

import pytest
from PIL import Image

from core.errors import DatasetError
from tests.training.lesson import ROWS, quick, row, small_dataset, small_model, write_rows
from training.preflight import preflight, report
from training.probe import duration


@pytest.fixture
def dataset(tmp_path):
    return small_dataset(tmp_path / "lesson")


def looked(dataset, **more):
    return preflight(quick(dataset, dataset, None, **more), with_probe=False)


def test_pictures_captions_and_names_are_counted(dataset):
    found = looked(dataset)
    assert found.counts == {"train": 6, "validation": 2}
    assert found.captions == 6
    assert found.named == {"section": 1.0, "raga": 1.0, "tala": pytest.approx(2 / 3)}
    assert found.sections == {"kriti": 4, "alapanai": 2}
    assert found.ragas == {"Mohanam": 2, "Todi": 2, "Kalyani": 2}
    assert found.disk_free > 0
    assert any("hardly to be learned" in each for each in found.warnings)


def test_what_is_left_out_is_named_with_its_reason(dataset):
    (dataset / "train/0.png").unlink()
    Image.new("L", (ROWS, ROWS)).save(dataset / "train/1.png")
    found = looked(dataset)
    assert found.counts["train"] == 4
    assert {name: why for name, why in found.rejected if "missing" in why} == {
        "train/0.png": "the picture is missing"
    }
    assert any("2 pictures cannot be used" in each for each in found.warnings)


def test_a_recording_in_two_splits_is_a_leak(dataset):
    for split in ("train", "validation"):
        rows = [
            row(f"{i}.png", "kriti", "Todi", "Adi") | {"recording_id": f"file-{i}"}
            for i in range(2)
        ]
        write_rows(dataset / split, rows)
    found = looked(dataset)
    assert found.leaks == ("2 recordings are in train and in validation: file-0, file-1.",)


def test_the_same_picture_in_two_splits_is_a_leak_too(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["files"] = {"train/0.png": "same", "validation/1.png": "same"}
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    assert "1 pictures of validation are in train too" in looked(dataset).leaks[0]


def test_lengths_and_hours_count_what_was_marked_once(dataset):
    rows = [
        row(f"{i}.png", "kriti", "Todi", "Adi")
        | {"segment_id": f"s{i // 3}", "start_s": 5.0 * i, "end_s": 5.0 * i + 10}
        for i in range(6)
    ]
    write_rows(dataset / "train", rows)
    found = looked(dataset)
    assert found.hours * 3600 == pytest.approx(40)  # twice 20 s, whatever overlaps in them
    assert found.lengths == {"up to 30 s": 2}


@pytest.mark.parametrize(
    ("more", "words"),
    [({"caption_dropout": 0.0}, "guidance"), ({"max_steps": 1}, "before it has seen every")],
)
def test_settings_that_are_likely_mistakes_are_warned_of(dataset, more, words):
    assert any(words in each for each in looked(dataset, **more).warnings)


def test_a_folder_without_a_dataset_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="no exported dataset"):
        looked(tmp_path)


@pytest.mark.slow
def test_two_real_steps_foretell_the_run(dataset, tmp_path):
    config = quick(dataset, small_model(tmp_path / "base"), tmp_path / "run", max_steps=50)
    found = preflight(config)
    assert found.problems == ()
    probe = found.probe
    assert probe.step_s > 0
    assert probe.memory_bytes > 100 * 2**20
    assert probe.n_to_encode == 6
    assert probe.total_s >= 50 * probe.step_s
    assert not (dataset / ".cache").exists()
    assert "a step" in str(probe)


def test_the_command_says_the_same_in_lines(dataset, tmp_path):
    said = report(quick(dataset, tmp_path / "nothing", tmp_path / "run"))
    assert "pictures: 6 train, 2 validation" in said
    assert "problem: No model at" in said


@pytest.mark.slow
def test_what_would_stop_the_run_is_a_problem_of_the_report(dataset, tmp_path):
    found = preflight(quick(dataset, tmp_path / "nothing", tmp_path / "run"))
    assert "No model at" in found.problems[0]
    assert found.probe is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(40, "40 s"), (600, "10 min"), (7300, "2 h 02 min")]
)
def test_durations_are_said_as_people_say_them(seconds, words):
    assert duration(seconds) == words
