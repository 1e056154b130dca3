"""The form of the Train tab: every setting, presets, and that only what was checked is launched."""

import json
from dataclasses import fields, replace
from pathlib import Path

import gradio as gr
import pytest

from studio import train_form as form
from studio.train_views import differences_html, loss_rows, report_html, status_html, svaras_html
from tests.training.lesson import small_dataset
from training.config import FinetuneConfig
from training.preflight import preflight
from training.run_folder import HERE, Place, Sample, Status


@pytest.fixture
def dataset(workspace):
    return small_dataset(workspace.dataset("lesson"))


def test_every_setting_of_the_command_is_asked_for_and_explained():
    asked = {*form.settings(), *form.NOT_ASKED}
    assert asked == {each.name for each in fields(FinetuneConfig)}
    assert all(form.explained()[name] for name in form.settings())
    assert set(form.HEADINGS) <= set(form.settings())


def test_each_setting_has_a_component_of_its_kind():
    with gr.Blocks():
        kinds = {name: type(form.field(name, [])) for name in form.settings()}
    assert kinds["prediction"] is gr.Dropdown
    assert kinds["max_steps"] is gr.Number
    assert kinds["lora_dora"] is gr.Checkbox
    assert kinds["prompts"] is gr.Textbox


@pytest.mark.parametrize("preset", form.PRESETS)
def test_what_the_form_says_of_a_preset_is_the_preset(workspace, dataset, preset):
    config = form.config_of(workspace, "lesson", form.of_preset(preset))
    assert config == FinetuneConfig(dataset, **form.PRESETS[preset])


def test_the_settings_of_a_run_come_back_as_they_were(workspace, dataset):
    config = FinetuneConfig(
        dataset, snr_gamma=None, lora_rank=4, prompts=("a", "b"), prediction="v_prediction"
    )
    assert form.config_of(workspace, "lesson", form.values_of(config)) == config


def test_an_emptied_field_is_what_it_was_by_default(workspace, dataset):
    values = form.of_preset(form.FIRST)
    values[form.settings().index("batch_size")] = None
    assert form.config_of(workspace, "lesson", values).batch_size == FinetuneConfig.batch_size


@pytest.fixture
def no_run(monkeypatch):
    monkeypatch.setattr(form.jobs, "launch", lambda *_, **__: pytest.fail("it was launched"))


def test_what_was_not_checked_is_not_launched(workspace, dataset, no_run):
    values = ["local", None, "6h", "", "", *form.of_preset(form.FIRST)]
    checked = form.key_of(form.config_of(workspace, "lesson", values[form.N_PLACE :]), HERE)
    values[form.N_PLACE + 1] += 1
    for said in ("", checked):
        with pytest.raises(gr.Error, match="Check first"):
            form.launch(workspace, None, said, "lesson", *values)


def test_a_visitor_of_a_space_neither_checks_nor_launches(workspace, dataset, no_run, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/studio")
    values = ["local", None, "6h", "", "", *form.of_preset(form.FIRST)]
    with pytest.raises(gr.Error, match="off on this Space"):
        form.check(workspace, None, "lesson", *values)
    with pytest.raises(gr.Error, match="off on this Space"):
        form.launch(workspace, None, "", "lesson", *values)


def test_a_job_elsewhere_needs_a_machine_and_a_bucket():
    assert form.place_of("local", None, None, None) == HERE
    found = form.place_of("hf-jobs", "t4-small", "6h", " me/mine ")
    assert found == Place("hf-jobs", "t4-small", "6h", "me/mine")
    with pytest.raises(form.RunError, match="bucket"):
        form.place_of("hf-jobs", "t4-small", "6h", "")


# What is shown


def test_the_report_escapes_what_files_are_called(workspace, dataset):
    config = FinetuneConfig(dataset)
    found = replace(preflight(config, with_probe=False), rejected=(("<b>.png", "<i>"),))
    html = report_html(found, config)
    assert 'data-ready="true"' in html
    assert "&lt;b&gt;.png" in html
    assert 'data-ready="false"' in report_html(replace(found, problems=("no",)), config)


def test_buttons_fit_the_state_and_who_looks():
    run = Status("r", "running", 3, 10, more={"memory_mib": 2048, "memory_of": "GPU"})
    assert "2.0 GiB of GPU memory" in status_html(run, True)
    assert 'data-do="stop"' in status_html(run, True)
    assert 'data-do="stop"' not in status_html(run, False)
    ended = status_html(replace(run, state="stopped"), True)
    assert 'data-do="resume"' in ended
    assert 'data-do="delete"' in ended


def test_a_sample_shows_which_svaras_are_in_the_scale():
    about = {"svaras": [4, 0, 1] + [0] * 9, "scale": [0, 2, 4, 7, 9], "judged": "Mohanam: well"}
    html = svaras_html(Sample(10, Path("x.flac"), about))
    assert html.count('<i class="own"') == 5
    assert 'title="Ri1: 0.0 s, not in the scale"' in html
    assert "Mohanam: well" in html
    assert svaras_html(Sample(10, Path("x.flac"), {})) == ""


def test_runs_are_compared_by_losses_and_by_what_differs():
    rows = [{"step": 1, "loss": 0.5, "validation_loss": 0.6}, {"step": 2, "loss": 0.4}]
    found = loss_rows(rows, "a")
    assert set(found["of"]) == {"a: training", "a: held out"}
    one = FinetuneConfig(Path("d"))
    html = differences_html({"a": one, "b": replace(one, batch_size=99)})
    assert "batch size" in html
    assert "99" in html
    assert "learning rate" not in html


def test_a_run_that_was_checked_is_launched(workspace, dataset, monkeypatch):
    launched = []
    monkeypatch.setattr(
        form.jobs, "launch", lambda _, config, **more: launched.append((config, more)) or "id"
    )
    values = ["local", None, "6h", "", "", *form.of_preset(form.FIRST)]
    config = form.config_of(workspace, "lesson", values[form.N_PLACE :])
    assert form.launch(workspace, None, form.key_of(config, HERE), "lesson", *values) == "id"
    assert launched == [(config, {"name": "lesson", "place": HERE, "devices": ()})]
    assert json.loads(form.key_of(config, HERE))[1]["kind"] == "local"
