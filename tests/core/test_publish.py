"""What is handed on holds no sound of restricted recordings, and can be made whole again."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.datacard import read_manifest
from core.errors import DatasetError
from core.export import ExportConfig, export
from core.library import Library
from core.metadata import read_metadata
from core.publish import main as publish_main
from core.publish import release
from core.rebuild import rebuild
from core.records import Recording, Segment
from core.workspace import PROJECT, Workspace
from tests.hub import Hub, serving

SR = 8000
CLOSED, OPEN = "yt-abcdefghijk", "file-open"


@pytest.fixture
def dataset(workspace) -> Path:
    return filled(workspace, "imagefolder")


def filled(workspace: Workspace, layout: str) -> Path:
    """A dataset of an open and a restricted recording, two clips each."""
    library = Library.of(workspace)
    for number, (key, rights) in enumerate({OPEN: "cc-by-4.0", CLOSED: "restricted"}.items()):
        y = np.random.default_rng(number).normal(0, 0.1, 8 * SR)
        soundfile.write(workspace.audio_target(key, ".flac"), y, SR)
        library.add(
            Recording(key, f"Concert {number}", 8.0, rights, f"source {key}", tonic_hz=146.8)
        )
        segment = Segment(key, 0.5, 7.9, "kriti", raga="Todi", status="approved", id=f"s{number}")
        library.save(segment)
    config = ExportConfig("demo", clip_s=2.56, format=layout)
    return export(config, workspace, library)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("layout", ["imagefolder", "webdataset", "kohya", "audiofolder"])
def test_no_restricted_clip_leaves_in_any_layout(workspace, tmp_path, layout):
    folder = filled(workspace, layout)
    secret = [
        (folder / split / row["file_name"]).read_bytes()
        for split, rows in (read_metadata(folder) if layout != "webdataset" else {}).items()
        for row in rows
        if row["recording_id"] == CLOSED
    ]
    release(folder, tmp_path / "out")
    left = contents(tmp_path / "out")
    for name, content in left.items():
        if not name.endswith((".jsonl", ".json", ".md")):
            assert CLOSED.encode() not in content
            assert CLOSED not in name
        assert not any(each in content for each in secret)
    assert any(OPEN in name or OPEN.encode() in content for name, content in left.items())
    assert len((tmp_path / "out/restricted.jsonl").read_text().splitlines()) == 2


def test_a_release_names_what_it_withholds_and_how_to_rebuild_it(dataset, tmp_path):
    manifest = release(dataset, tmp_path / "out")
    assert (manifest["clips"], manifest["withheld"]) == ({"train": 2}, 2)
    row = json.loads((tmp_path / "out/restricted.jsonl").read_text().splitlines()[0])
    assert (row["recording_id"], row["source"]) == (CLOSED, f"source {CLOSED}")
    assert (row["start_s"], row["raga"], row["split"]) == (0.5, "Todi", "train")
    assert len(row["sha256"]) == 64
    card = (tmp_path / "out/README.md").read_text()
    assert "2 further clips are restricted and not here" in card
    assert "python -m core.export --rebuild README.md" in card


def test_a_release_is_a_finished_dataset_that_is_not_released_again(dataset, tmp_path):
    release(dataset, tmp_path / "out")
    listed = read_manifest(tmp_path / "out")["files"]
    assert set(listed) == set(contents(tmp_path / "out")) - {"manifest.json"}
    with pytest.raises(DatasetError, match="release already"):
        release(tmp_path / "out", tmp_path / "again")


def test_rights_withdrawn_since_the_export_count(dataset, tmp_path):
    manifest = release(dataset, tmp_path / "out", restricted={OPEN})
    assert manifest["clips"] == {}
    assert manifest["withheld"] == 4
    assert not list((tmp_path / "out").rglob("*.png"))


def test_a_file_put_into_the_folder_does_not_leave_with_it(dataset, tmp_path):
    (dataset / "train" / "concert.wav").write_bytes(b"restricted sound")
    release(dataset, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.wav"))


def test_a_picture_exchanged_for_another_is_refused(dataset, tmp_path):
    rows = read_metadata(dataset)["train"]
    by_recording = {row["recording_id"]: dataset / "train" / row["file_name"] for row in rows}
    by_recording[OPEN].write_bytes(by_recording[CLOSED].read_bytes())
    with pytest.raises(DatasetError, match="not the file that was exported"):
        release(dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_whoever_has_the_recordings_rebuilds_the_same_bytes(dataset, workspace, tmp_path):
    whole = contents(dataset)
    release(dataset, tmp_path / "out")
    elsewhere = Workspace.at(tmp_path / "elsewhere")
    elsewhere.audio_target(CLOSED, ".flac").write_bytes(workspace.audio(CLOSED).read_bytes())
    assert contents(rebuild(tmp_path / "out/README.md", elsewhere)) == whole


def test_rebuilding_says_which_recordings_are_needed(dataset, tmp_path):
    release(dataset, tmp_path / "out")
    with pytest.raises(DatasetError, match=rf"needed in the workspace: {CLOSED} \(source"):
        rebuild(tmp_path / "out/README.md", Workspace.at(tmp_path / "elsewhere"))
    assert not list((tmp_path / "elsewhere" / "datasets").iterdir())


def test_rebuilding_from_another_copy_says_so(dataset, tmp_path):
    release(dataset, tmp_path / "out")
    elsewhere = Workspace.at(tmp_path / "elsewhere")
    other = np.random.default_rng(9).normal(0, 0.1, 8 * SR)
    soundfile.write(elsewhere.audio_target(CLOSED, ".flac"), other, SR)
    folder = rebuild(tmp_path / "out/README.md", elsewhere)
    assert "2 clips differ" in read_manifest(folder)["notes"][-1]


def test_the_command_asks_where_to(workspace, dataset):
    with pytest.raises(DatasetError, match="--repo"):
        publish_main("demo", workspace=workspace.root)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as server:
        yield server


def push(workspace: Workspace, endpoint: str, *more: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "core.publish", "--name", "demo", "--repo", "me/demo", *more],
        cwd=PROJECT,
        env={
            **os.environ,
            "STUDIO_WORKSPACE": str(workspace.root),
            "HF_ENDPOINT": endpoint,
            "HF_HUB_OFFLINE": "0",
            "HF_TOKEN": "hf_test",
            "HF_HUB_DISABLE_XET": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_the_real_client_uploads_only_what_is_open_and_privately(dataset, workspace, hub):
    said = push(workspace, hub.address)
    assert said.returncode == 0, said.stderr
    assert hub.created[0]["visibility"] == "private"
    assert hub.tokens == {"Bearer hf_test"}
    pictures = [name for name in hub.files if name.endswith(".png")]
    assert len(pictures) == 2
    assert all(OPEN in name for name in pictures)
    withheld = hub.files["restricted.jsonl"].decode().splitlines()
    assert {json.loads(line)["recording_id"] for line in withheld} == {CLOSED}
    secret = [path.read_bytes() for path in dataset.rglob(f"{CLOSED}*.png")]
    assert len(secret) == 2
    assert not any(each in sent for each in secret for sent in hub.files.values())


@pytest.mark.slow
def test_a_hub_out_of_reach_is_one_line_and_leaves_nothing(dataset, workspace):
    said = push(workspace, "http://127.0.0.1:9")
    assert said.returncode == 2
    assert "error: The Hub did not take 'me/demo'" in said.stderr.splitlines()[-1]
    assert [path.name for path in workspace.datasets().iterdir()] == ["demo"]


def test_a_recording_restricted_today_is_withheld_by_the_command(dataset, workspace, tmp_path):
    library = Library.of(workspace)
    library.change(replace(library.recording(OPEN), rights="restricted"))
    publish_main("demo", out=tmp_path / "out", workspace=workspace.root)
    assert not list((tmp_path / "out").rglob("*.png"))
