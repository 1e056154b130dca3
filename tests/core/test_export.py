"""A dataset is whole or not there, and says of each clip what is known."""

import json
import os
import shutil
import threading

import numpy as np
import pytest
import soundfile

from core.datacard import read_manifest
from core.errors import DatasetError
from core.export import ExportCancelled, ExportConfig, export, preview
from core.library import Library
from core.metadata import read_metadata
from core.records import Recording, Segment
from core.shards import hash_of
from core.spectrogram import read_image
from core.variants import edit
from core.workspace import Workspace

SR = 8000
SAS = (146.8, 174.6, 220.0, 130.8)  # Hz
RAGAS = ("Mohanam", "Todi", "Kalyani", "Mohanam")
LENGTH_S = 12.0


def melody(tonic_hz: float, length_s: float = LENGTH_S) -> np.ndarray:
    """Sa for the first half, Pa for the second, with two overtones."""
    t = np.arange(round(length_s * SR)) / SR
    hz = np.where(t < length_s / 2, tonic_hz, tonic_hz * 1.5)
    phase = 2 * np.pi * np.cumsum(hz) / SR
    return 0.2 * (np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase))


def add_recording(workspace: Workspace, library: Library, number: int, **said) -> Recording:
    said = {"tonic_hz": SAS[number % 4], "raga": RAGAS[number % 4], "tala": "Adi"} | said
    said = {"rights": "own", "lead_artist": f"Artist {number}"} | said
    recording = Recording(f"file-{number}", f"Concert {number}", LENGTH_S, source="x", **said)
    y = melody(recording.tonic_hz or 146.8)
    soundfile.write(workspace.audio_target(recording.id, ".flac"), y, SR, subtype="PCM_16")
    library.add(recording)
    return recording


def mark(library: Library, number: int, start_s: float, end_s: float, section="kriti", **said):
    said = {"status": "approved", "id": f"{number}{round(start_s):07d}"} | said
    segment = Segment(f"file-{number}", start_s, end_s, section, **said)
    library.save(segment)
    return segment


@pytest.fixture(scope="module")
def concerts(tmp_path_factory) -> Workspace:
    """Four concerts of 12 s, each with an alapanai of one clip and a kriti of two."""
    workspace = Workspace.at(tmp_path_factory.mktemp("concerts"))
    library = Library.of(workspace)
    for number in range(4):
        add_recording(workspace, library, number)
        mark(library, number, 1.0, 4.0, "alapanai")
        mark(library, number, 6.0, 11.5, "kriti", composer="Thyagaraja")
    library.close()
    return workspace


@pytest.fixture
def library(workspace, concerts):
    """A copy of the four concerts."""
    shutil.copytree(concerts.root, workspace.root, dirs_exist_ok=True)
    library = Library.of(workspace)
    yield library
    library.close()


def a(**said) -> ExportConfig:
    """A dataset of short clips: 128 columns of 20 ms."""
    return ExportConfig(**{"name": "demo", "clip_s": 2.56} | said)


def every_file(folder) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def leftovers(workspace) -> list:
    return [path.name for path in workspace.datasets().iterdir()]


def test_the_folder_holds_pictures_tables_a_card_and_a_manifest_of_all(workspace, library):
    folder = export(a(), workspace, library)
    manifest = read_manifest(folder)
    on_disk = {name for name in every_file(folder) if name != "manifest.json"}
    assert on_disk == set(manifest["files"])
    assert all(hash_of(folder / name) == known for name, known in manifest["files"].items())
    assert manifest["clips"] == {"train": 9, "validation": 3}
    assert manifest["codec"]["preset"] == "svara"
    rows = read_metadata(folder)
    for split, of_split in rows.items():
        for row in of_split:
            image, codec = read_image(folder / split / row["file_name"])
            assert image.shape == (codec.n_rows, codec.width)
            assert codec.tonic_hz == pytest.approx(row["tonic_hz"])
    card = (folder / "README.md").read_text()
    assert "12 spectrograms of Carnatic music" in card
    assert "| Mohanam | " in card


def test_a_row_says_everything_known_of_its_clip(workspace, library):
    folder = export(a(n_captions=3), workspace, library)
    rows = [row for of_split in read_metadata(folder).values() for row in of_split]
    row = next(r for r in rows if r["recording_id"] == "file-1" and r["section"] == "kriti")
    assert row["text"].startswith("Carnatic kriti in raga Todi (melakarta 8), in Adi tala")
    assert "composer Thyagaraja" in row["text"]
    assert row["captions"][0] == row["text"]
    assert len(set(row["captions"])) == 3
    assert (row["raga"], row["tala"], row["composer"]) == ("Todi", "Adi", "Thyagaraja")
    assert (row["composition"], row["artist"]) == ("", "Artist 1")
    assert (row["segment_id"], row["start_s"]) == ("10000006", 6.0)
    alapanai = next(r for r in rows if r["section"] == "alapanai")
    assert alapanai["tala"] == ""


def test_the_tonic_lies_in_the_same_row_in_every_concert(workspace, library):
    folder = export(a(sections=("alapanai",)), workspace, library)
    brightest = set()
    for split, rows in read_metadata(folder).items():
        for row in rows:
            image, codec = read_image(folder / split / row["file_name"])
            loudest = int(np.argmax(image.astype(int).mean(axis=1)))
            brightest.add(loudest)
            # rows are a third of a semitone apart: half of that is 17 cents
            assert codec.row_cents[loudest] == pytest.approx(0, abs=17)
    assert len(brightest) == 1


def test_a_clip_holds_the_sound_of_its_segment(workspace, library):
    folder = export(a(sections=("kriti",)), workspace, library)
    ((split, (row, *_)), *_) = read_metadata(folder).items()
    image, codec = read_image(folder / split / row["file_name"])
    y, sr = soundfile.read(workspace.audio(row["recording_id"]), dtype="float32")
    heard = y[round(row["start_s"] * sr) : round(row["end_s"] * sr)]
    expected = codec.encode(heard, sr)[:, : codec.width].astype(int)
    inner = slice(8, -8)  # at the edges one of them hears what is beyond
    assert np.abs(image.astype(int) - expected)[:, inner].mean() < 3  # grey levels of 255


def loudest_hz(y: np.ndarray, sr: int, near_hz: float) -> float:
    """The strongest partial within a semitone and a half of `near_hz`."""
    hz = np.fft.rfftfreq(16 * len(y), 1 / sr)  # zero-padded: a bin is 0.03 Hz
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y)), 16 * len(y)))
    return hz[np.argmax(spectrum * (np.abs(np.log2(hz.clip(1) / near_hz)) < 1.5 / 12))]


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["svara", "riffusion"])
def test_an_exported_image_sounds_like_its_segment_within_ten_cents(workspace, library, preset):
    config = a(preset=preset, sections=("alapanai",))
    for split, rows in read_metadata(export(config, workspace, library)).items():
        for row in rows:
            image, codec = read_image(workspace.dataset("demo") / split / row["file_name"])
            y = codec.decode(image)
            heard = loudest_hz(y, codec.sr, row["tonic_hz"])
            assert 1200 * np.log2(heard / row["tonic_hz"]) == pytest.approx(0, abs=10)


@pytest.mark.slow
def test_datasets_loads_it_with_captions_and_splits(workspace, library, tmp_path, monkeypatch):
    folder = export(a(), workspace, library)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    from datasets import load_dataset

    cache = str(tmp_path / "cache")
    loaded = load_dataset("imagefolder", data_dir=str(folder), cache_dir=cache)
    assert {split: len(part) for split, part in loaded.items()} == {"train": 9, "validation": 3}
    first = loaded["train"][0]
    # diffusers' text-to-image scripts take the first two columns as the picture and its words
    assert loaded["train"].column_names[:2] == ["image", "text"]
    assert first["text"].startswith("Carnatic ")
    assert first["image"].size[1] > 100
    assert isinstance(first["captions"], list)
    by_card = load_dataset(str(folder), cache_dir=cache)
    assert {split: len(part) for split, part in by_card.items()} == {"train": 9, "validation": 3}


def test_the_same_inputs_give_the_same_bytes(workspace, library):
    first = every_file(export(a(), workspace, library))
    again = every_file(export(a(overwrite=True), workspace, library))
    assert again == first


def export_and_die(workspace: Workspace, after_clips: int) -> None:
    """Export in another process that is gone, without any clean-up, after so many clips."""

    def die(done, total, message):
        if done == after_clips:
            os._exit(9)

    child = os.fork()
    if child == 0:
        export(a(), workspace, Library.of(workspace), die)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_an_export_that_was_killed_goes_on_where_it_was(workspace, library):
    whole = every_file(export(a(), workspace, library))
    shutil.rmtree(workspace.dataset("demo"))
    export_and_die(workspace, after_clips=7)
    (part,) = workspace.datasets().iterdir()
    assert part.name.startswith(".part-")
    finished = {
        path.relative_to(part): path.stat().st_mtime_ns for path in part.rglob("file-[01]*.png")
    }
    assert len(finished) == 6
    folder = export(a(), workspace, library)
    assert every_file(folder) == whole
    assert all((folder / path).stat().st_mtime_ns == at for path, at in finished.items())
    assert leftovers(workspace) == ["demo"]


def test_what_an_abandoned_export_left_is_swept_by_the_next(workspace, library):
    export_and_die(workspace, after_clips=7)
    mark(library, 0, 4.0, 5.5)
    export(a(sections=("kriti",)), workspace, library)
    assert leftovers(workspace) == ["demo"]


def test_a_cancelled_export_leaves_nothing(workspace, library):
    stop = threading.Event()

    def stop_after_three(done, total, message):
        if done == 3:
            stop.set()

    with pytest.raises(ExportCancelled):
        export(a(), workspace, library, stop_after_three, stop)
    assert leftovers(workspace) == []


def test_a_full_disk_is_said_and_leaves_nothing(workspace, library, monkeypatch):
    import core.spectrogram

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(core.spectrogram, "write_image", full)
    with pytest.raises(DatasetError, match="disk is full"):
        export(a(), workspace, library)
    assert leftovers(workspace) == []


def test_a_taken_name_is_refused_and_can_be_replaced(workspace, library):
    export(a(), workspace, library)
    with pytest.raises(DatasetError, match="--overwrite"):
        export(a(), workspace, library)
    export(a(sections=("kriti",), overwrite=True), workspace, library)
    assert read_manifest(workspace.dataset("demo"))["clips"] == {"train": 6, "validation": 2}
    assert leftovers(workspace) == ["demo"]


@pytest.mark.slow
def test_replacing_a_dataset_keeps_the_split_of_every_recording(workspace, library):
    splits = read_manifest(export(a(), workspace, library))["splits"]
    for number in range(4, 12):
        add_recording(workspace, library, number)
        mark(library, number, 1.0, 4.0, "alapanai")
    after = read_manifest(export(a(overwrite=True), workspace, library))["splits"]
    assert {key: after[key] for key in splits} == splits


def test_nothing_approved_says_which_segments_there_are(workspace):
    library = Library.of(workspace)
    with pytest.raises(DatasetError, match="library is empty"):
        export(a(), workspace, library)
    add_recording(workspace, library, 0)
    with pytest.raises(DatasetError, match="No segment is marked"):
        export(a(), workspace, library)
    mark(library, 0, 1.0, 5.0, status="draft")
    mark(library, 0, 6.0, 8.0)
    with pytest.raises(DatasetError, match=r"found 2 segments \(1 are draft; 1 are shorter than"):
        export(a(), workspace, library)
    assert leftovers(workspace) == []


def test_a_missing_tonic_is_refused_by_name_or_measured(workspace, library):
    add_recording(workspace, library, 7, tonic_hz=None)
    mark(library, 7, 1.0, 8.0)
    with pytest.raises(DatasetError, match=r"No tonic is known for file-7.*--estimate-tonic"):
        export(a(), workspace, library)
    folder = export(a(estimate_tonic=True), workspace, library)
    rows = [row for of_split in read_metadata(folder).values() for row in of_split]
    assert all("tonic " in row["text"] for row in rows if row["recording_id"] == "file-7")
    assert "Tonic measured: file-7 at" in "\n".join(read_manifest(folder)["notes"])


def test_without_alignment_riffusion_needs_no_tonic(workspace):
    library = Library.of(workspace)
    add_recording(workspace, library, 0, tonic_hz=None)
    mark(library, 0, 1.0, 8.0)
    config = a(preset="riffusion", align_tonic=False)
    (row, *_) = read_metadata(export(config, workspace, library))["train"]
    assert "tonic_hz" not in row


def test_silence_is_left_out_and_said(workspace, library):
    silent = add_recording(workspace, library, 5)
    soundfile.write(workspace.audio(silent.id), np.zeros(round(LENGTH_S * SR)), SR)
    mark(library, 5, 1.0, 5.0)
    folder = export(a(), workspace, library)
    assert not list(folder.rglob("file-5*.png"))
    assert "1 clips are quieter than -60 dB and left out." in read_manifest(folder)["notes"]


def test_overlapping_clips_are_cut_from_one_pass_over_the_audio(workspace, library):
    folder = export(a(hop_s=1.0, sections=("kriti",)), workspace, library)
    starts = sorted(
        row["start_s"]
        for rows in read_metadata(folder).values()
        for row in rows
        if row["recording_id"] == "file-0"
    )
    assert starts[:3] == [6.0, 7.0, 8.0]


@pytest.mark.parametrize(
    ("limits", "total"),
    [
        ({"max_per_recording": 1}, 4),
        ({"max_per_raga": 1}, 3),
        ({"max_per_section": 3}, 6),
        ({"ragas": ("Todi",)}, 3),
        ({"max_s": 5.0}, 4),
        ({"min_s": 5.0}, 8),
        ({"sections": ("alapanai",)}, 4),
    ],
)
def test_limits_choose_what_comes_out(workspace, library, limits, total):
    assert sum(row["clips"] for row in preview(a(**limits), workspace, library).counts()) == total


def test_a_preview_counts_what_an_export_makes_and_writes_nothing(workspace, library):
    decided = preview(a(), workspace, library)
    assert not workspace.dataset("demo").exists()
    assert leftovers(workspace) == []
    made = read_manifest(export(a(), workspace, library))["clips"]
    counted = {}
    for row in decided.counts():
        counted[row["split"]] = counted.get(row["split"], 0) + row["clips"]
    assert counted == made


def test_a_caption_by_hand_is_exported_as_it_was_written(workspace, library):
    segment = library.segments("file-2")[0]
    edit(workspace, segment, "The alapanai I love best")
    rows = read_metadata(export(a(), workspace, library))
    (row,) = (r for of_split in rows.values() for r in of_split if r["segment_id"] == segment.id)
    assert (row["text"], row["captions"]) == ("The alapanai I love best",) * 1 + (
        ["The alapanai I love best"],
    )
    assert row["caption_origin"] == "human"


def test_ragas_that_training_never_shows_are_named(workspace, library):
    notes = preview(a(), workspace, library).notes
    held_out = {row["raga"] for row in preview(a(), workspace, library).counts()}
    assert held_out == {"Mohanam", "Todi", "Kalyani"}
    trained = {
        r["raga"] for r in preview(a(), workspace, library).counts() if r["split"] == "train"
    }
    only = ", ".join(sorted(held_out - trained))
    said = [note for note in notes if note.startswith("Only in the validation split")]
    assert said == ([f"Only in the validation split, not in training: {only}."] if only else [])


def test_progress_counts_every_clip(workspace, library):
    heard = []
    export(a(), workspace, library, lambda *said: heard.append(said))
    assert heard[0] == (0, 12, "")
    assert heard[-1][:2] == (12, 12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "../x"},
        {"preset": "mel"},
        {"sections": ("song",)},
        {"hop_s": 0.0},
        {"clip_s": -1.0},
    ],
)
def test_an_impossible_configuration_is_refused(wrong):
    with pytest.raises(ValueError, match=r"Choose|Give|cannot be a name"):
        ExportConfig(**{"name": "demo"} | wrong)


def test_a_segment_beyond_the_sound_is_named(workspace, library):
    soundfile.write(workspace.audio("file-3"), melody(146.8, 8.0), SR)
    with pytest.raises(ValueError, match=r"'file-3' ends at 8\.0 s"):
        export(a(), workspace, library)
    assert leftovers(workspace) == []


def test_an_unfinished_folder_is_no_dataset(tmp_path):
    with pytest.raises(DatasetError, match="no finished dataset"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(DatasetError, match="damaged"):
        read_manifest(tmp_path)


def test_rows_are_json_that_any_loader_types_alike(workspace, library):
    folder = export(a(), workspace, library)
    kinds = [
        {name: type(value).__name__ for name, value in json.loads(line).items()}
        for table in folder.rglob("metadata.jsonl")
        for line in table.read_text().splitlines()
    ]
    assert all(kind == kinds[0] for kind in kinds)
    assert "NoneType" not in kinds[0].values()


@pytest.mark.slow
def test_a_concert_uploaded_twice_does_not_straddle_splits(workspace):
    library = Library.of(workspace)
    draw = np.random.default_rng(0)
    for number in range(12):
        add_recording(workspace, library, number)
        mark(library, number, 1.0, 4.0)
        if number != 7:  # the eighth is the fourth again, a little later and softer
            noise = draw.normal(0, 0.1, 40 * SR)
            gate = np.repeat(draw.uniform(0.05, 1, 160), SR // 4)  # something that happens
            kept = noise * gate if number != 3 else (twice := noise * gate)
        else:
            kept = 0.5 * np.concatenate([np.zeros(SR), twice])
        soundfile.write(workspace.audio(f"file-{number}"), kept, SR)
    splits = preview(a(find_duplicates=False), workspace, library).splits.of
    assert splits["file-3"] != splits["file-7"]  # else this test shows nothing
    manifest = read_manifest(export(a(), workspace, library))
    assert manifest["splits"]["file-3"] == manifest["splits"]["file-7"]
    assert "The same audio, kept in one split: file-3, file-7." in manifest["notes"]
