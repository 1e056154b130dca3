"""Each layout is what its tools open, with the captions and the splits."""

import io
import json
import tarfile

import numpy as np
import pytest
import soundfile
from PIL import Image

from core.formats import KOHYA_FOLDER, arrange


def rows_and_pictures(folder, n: int = 5) -> dict[str, list[dict]]:
    """Grey pictures, one shade each, of two splits."""
    rows: dict[str, list[dict]] = {}
    for split, count in (("train", n), ("test", 1)):
        (folder / split).mkdir(parents=True)
        rows[split] = []
        for number in range(count):
            name = f"file-1-{number:09d}-abc.png"
            Image.fromarray(np.full((8, 16), 10 * number, np.uint8)).save(folder / split / name)
            rows[split].append(
                {"file_name": name, "text": f"Caption {number}", "tonic_hz": 146.8}
                | {"mridangam_level": None, "captions": ["a", "b"]}
            )
    return rows


def test_webdataset_tars_hold_picture_caption_and_row_of_each_clip(tmp_path):
    arrange(tmp_path, "webdataset", rows_and_pictures(tmp_path))
    assert not list(tmp_path.rglob("*.png"))
    with tarfile.open(tmp_path / "train" / "train-000000.tar") as tar:
        names = tar.getnames()
        assert names[:3] == [f"file-1-000000000-abc.{end}" for end in ("png", "txt", "json")]
        assert tar.extractfile(names[1]).read() == b"Caption 0"
        assert json.loads(tar.extractfile(names[2]).read())["captions"] == ["a", "b"]
        image = Image.open(io.BytesIO(tar.extractfile(names[3]).read()))
        assert np.asarray(image)[0, 0] == 10


def test_webdataset_starts_a_new_tar_when_one_is_full(tmp_path):
    rows = rows_and_pictures(tmp_path)
    sizes = [path.stat().st_size for path in (tmp_path / "train").iterdir()]
    arrange(tmp_path, "webdataset", rows, tar_bytes=sum(sizes) - 1)
    assert sorted(p.name for p in (tmp_path / "train").iterdir()) == [
        "train-000000.tar",
        "train-000001.tar",
    ]


def test_webdataset_tars_are_the_same_bytes_again(tmp_path):
    for part in ("a", "b"):
        arrange(tmp_path / part, "webdataset", rows_and_pictures(tmp_path / part))
    a, b = ((tmp_path / part / "train/train-000000.tar").read_bytes() for part in "ab")
    assert a == b


def test_kohya_finds_a_caption_beside_each_picture(tmp_path):
    arrange(tmp_path, "kohya", rows_and_pictures(tmp_path))
    folder = tmp_path / "train" / KOHYA_FOLDER
    assert len(list(folder.glob("*.png"))) == len(list(folder.glob("*.txt"))) == 5
    assert (folder / "file-1-000000002-abc.txt").read_text() == "Caption 2\n"
    row = json.loads((tmp_path / "train/metadata.jsonl").read_text().splitlines()[0])
    assert (tmp_path / "train" / row["file_name"]).exists()


def test_a_number_that_a_split_never_knows_is_left_out_everywhere(tmp_path):
    rows = rows_and_pictures(tmp_path)
    rows["train"][0]["mridangam_level"] = 0.5
    arrange(tmp_path, "imagefolder", rows)
    for table in tmp_path.rglob("metadata.jsonl"):
        for line in table.read_text().splitlines():
            assert "mridangam_level" not in json.loads(line)
            assert json.loads(line)["tonic_hz"] == 146.8


@pytest.mark.slow
def test_datasets_loads_the_webdataset(tmp_path):
    from datasets import load_dataset

    arrange(tmp_path, "webdataset", rows_and_pictures(tmp_path))
    files = {split: str(tmp_path / split / "*.tar") for split in ("train", "test")}
    loaded = load_dataset("webdataset", data_files=files, cache_dir=str(tmp_path / "cache"))
    assert {split: len(part) for split, part in loaded.items()} == {"train": 5, "test": 1}
    assert loaded["train"][3]["txt"] == "Caption 3"
    assert loaded["train"][3]["json"]["captions"] == ["a", "b"]


def test_an_audiofolder_holds_the_sound_of_each_clip(workspace):
    from core.export import ExportConfig, export
    from core.library import Library
    from core.records import Recording, Segment

    y = 0.2 * np.sin(2 * np.pi * 220 * np.arange(6 * 8000) / 8000)
    soundfile.write(workspace.audio_target("file-1", ".flac"), y, 8000)
    library = Library.of(workspace)
    library.add(Recording("file-1", "t", 6.0, "own", "x", tonic_hz=220.0, raga="Todi"))
    library.save(Segment("file-1", 0.5, 5.9, "kriti", status="approved"))
    folder = export(ExportConfig("a", format="audiofolder", clip_s=2.56), workspace, library)
    sounds = sorted(folder.rglob("*.flac"))
    assert len(sounds) == 2
    heard, sr = soundfile.read(sounds[0])
    assert len(heard) / sr == pytest.approx(2.56)
    assert np.sqrt(np.mean(heard**2)) == pytest.approx(0.2 / np.sqrt(2), rel=0.01)
    table = (folder / "train/metadata.jsonl").read_text().splitlines()
    assert json.loads(table[0])["file_name"] == sounds[0].name
