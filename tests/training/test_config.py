import dataclasses
import json
from pathlib import Path

import pytest

from core.errors import RunError
from training.config import FinetuneConfig, read_config


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"max_steps": 0}, "max steps is 0"),
        ({"learning_rate": 0.0}, "learning rate is 0"),
        ({"learning_rate": float("nan")}, "learning rate is nan"),
        ({"caption_dropout": 1.5}, "from 0 to 1"),
        ({"batch_size": -2}, "at least 1"),
        ({"lr_schedule": "sudden"}, "Choose one of: constant"),
        ({"prediction": "sample"}, "v_prediction"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(setting, words):
    with pytest.raises(RunError, match=words):
        FinetuneConfig(dataset=Path("lessons"), **setting)


def test_settings_survive_being_written(tmp_path):
    config = FinetuneConfig(Path("d"), output=Path("r"), prompts=("Kriti",), snr_gamma=None)
    said = dataclasses.asdict(config) | {"dataset": "d", "output": "r"}
    (tmp_path / "config.json").write_text(json.dumps(said))
    assert read_config(tmp_path / "config.json") == config


def test_a_setting_nobody_knows_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"dataset": "d", "momentum": 1}')
    with pytest.raises(RunError, match="momentum"):
        read_config(tmp_path / "config.json")


def test_a_folder_without_settings_is_no_run(tmp_path):
    with pytest.raises(RunError, match="Launch it anew"):
        read_config(tmp_path / "config.json")
