import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from core.errors import DatasetError
from tests.training.lesson import ROWS, row, small_dataset, write_rows
from training.data import Example, Order, read_dataset, spread


@pytest.fixture
def folder(tmp_path):
    return small_dataset(tmp_path / "lesson")


def example(section: str, raga: str = "") -> Example:
    return Example(None, ("words",), section, raga, "")


def test_a_finished_export_is_read_by_split(folder):
    dataset = read_dataset(folder)
    assert (len(dataset.train), len(dataset.held_out), dataset.size) == (6, 2, (ROWS, 128))
    assert dataset.train[1].captions == ("Kriti in raga Todi", "kriti Todi")
    assert not dataset.rejected


def test_an_export_that_is_still_growing_is_refused(folder):
    (folder / "manifest.json").unlink()
    with pytest.raises(DatasetError, match="not finished"):
        read_dataset(folder)


def test_what_cannot_be_learned_from_is_left_out_with_its_reason(folder):
    (folder / "train/0.png").unlink()
    whole = (folder / "train/1.png").read_bytes()
    (folder / "train/1.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(np.zeros((ROWS, 64), np.uint8)).save(folder / "train/2.png")
    rows = [row(f"{i}.png", "kriti", "Todi", "Adi") for i in range(6)]
    rows[3] |= {"text": " ", "captions": []}
    write_rows(folder / "train", rows)
    dataset = read_dataset(folder)
    assert [each.path.name for each in dataset.train] == ["4.png", "5.png"]
    reasons = {name.split("/")[1]: reason for name, reason in dataset.rejected}
    assert "missing" in reasons["0.png"]
    assert "damaged" in reasons["1.png"]
    assert "64 x 64" in reasons["2.png"]
    assert "caption is empty" in reasons["3.png"]


def test_nothing_left_is_an_error_that_names_a_reason(folder):
    for path in folder.glob("train/*.png"):
        path.unlink()
    with pytest.raises(DatasetError, match="missing"):
        read_dataset(folder)


def test_a_layout_without_pictures_is_refused(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["config"]["format"] = "webdataset"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match="imagefolder"):
        read_dataset(folder)


def test_without_balance_every_picture_comes_once_in_a_round():
    order = Order([example("kriti")] * 7 + [example("neraval")] * 3, balance=0, seed=1)
    first, second = order.indices(0, 10), order.indices(10, 10)
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)


def test_with_balance_rare_sections_and_ragas_come_as_often_as_common_ones():
    examples = (
        [example("tani avartanam")] * 90
        + [example("neraval", "Todi")] * 8
        + [example("neraval", "Kalyani")] * 2
    )
    order = Order(examples, balance=1, seed=1)
    drawn = [examples[i] for i in order.indices(0, 4000)]
    sections = Counter(each.section for each in drawn)
    ragas = Counter(each.raga for each in drawn)
    assert sections["neraval"] == pytest.approx(2000, rel=0.02)  # each round is off by one at most
    assert ragas["Kalyani"] == pytest.approx(1000, rel=0.02)


def test_the_order_does_not_depend_on_where_one_begins_to_read_it():
    order = Order([example("kriti")] * 7, balance=0.5, seed=3)
    whole = order.indices(0, 50)
    assert np.array_equal(whole[17:40], order.indices(17, 23))


def test_spread_takes_from_the_whole_range():
    assert spread(range(10), 5) == (0, 2, 4, 6, 8)
    assert spread((), 5) == ()
