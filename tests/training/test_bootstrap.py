import json

import pytest
import torch

from core.theory import ragas, talas
from training.bootstrap import BootstrapConfig, bootstrap
from training.lessons import Lessons
from training.loading import locate, taught


def test_the_lessons_hold_every_raga_in_several_talas_and_both_leads():
    lessons = Lessons()
    plans = lessons.plans()
    assert len({seed for seed, _ in plans}) == len(plans) == 72
    items = [plan.items[0] for _, plan in plans]
    assert {item.raga for item in items} == set(lessons.ragas) <= {raga.name for raga in ragas()}
    assert {item.tala for item in items} == set(lessons.talas) <= {tala.name for tala in talas()}
    for raga in lessons.ragas:
        own = [plan for _, plan in plans if plan.items[0].raga == raga]
        assert len({plan.items[0].tala for plan in own}) == 3
        assert {plan.lead for plan in own} == {"voice", "violin"}


@pytest.mark.slow
def test_a_model_is_made_from_nothing_and_made_better_when_asked_again(tmp_path):
    torch.set_num_threads(1)
    config = {
        "out": tmp_path / "model", "work": tmp_path / "work", "tiny": True, "ragas": 2,
        "concerts": 1, "minutes": 1.2, "vae_steps": 2, "batch_size": 2, "threads": 1,
    }  # fmt: skip
    bootstrap(BootstrapConfig(**config, steps=2))
    knows = taught(locate(str(tmp_path / "model"))).vocabulary
    assert knows.ragas == ("Kalyani", "Mohanam")
    assert knows.template == "concise"
    card = (tmp_path / "model/README.md").read_text()
    assert "has heard no musician" in card
    bootstrap(BootstrapConfig(**config, steps=3, raga_steps=1))
    assert "loss `joint` for 1 more" in (tmp_path / "model/README.md").read_text()
    rows = (tmp_path / "model/training_log.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows] == [1, 2, 3]
