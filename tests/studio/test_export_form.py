"""Counting what an export would hold, and making it."""

import gradio as gr
import pytest

from core.export import ExportConfig
from studio.export_form import UNSAID, Stops, config_of, count, make, push, stop
from tests.studio.conftest import segment, silent, with_sound

ID = "file-1"
FORM = {
    "name": "demo",
    "sections": ["alapanai", "kriti"],
    "ragas": [],
    "statuses": "approved",
}
UNTOUCHED = ({}, "sections")


@pytest.fixture
def concert(library):
    library.add(silent(ID))
    library.save(segment(ID, 0, 40, raga="Kalyani", status="approved"))
    library.save(segment(ID, 40, 85, section="kriti", raga="Kalyani", tala="Adi"))
    return library


def unheard(*_, **__):
    """A progress that nobody watches."""


def test_counting_says_what_an_export_would_hold_and_makes_nothing(workspace, concert):
    said, plot, table = count(workspace, concert, *UNTOUCHED, FORM)
    assert "clips" in said
    assert "Kalyani" in table
    assert plot.value["data"][0][:2] == ["Kalyani", "train"]
    assert list(workspace.datasets().iterdir()) == []


def test_drafts_are_counted_only_if_they_are_trusted(workspace, concert):
    *_, approved = count(workspace, concert, *UNTOUCHED, FORM)
    trust = {"statuses": "approved,draft"}
    *_, trusted = count(workspace, concert, *UNTOUCHED, FORM | trust)
    assert "kriti" not in approved
    assert "kriti" in trusted


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"sections": []}, "Choose at least one"),
        ({"name": "../elsewhere"}, "cannot be a name"),
        ({"sections": ["tillana"]}, "Nothing to export"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_words(workspace, concert, fault, why):
    with pytest.raises(gr.Error, match=why):
        count(workspace, concert, *UNTOUCHED, FORM | fault)


def test_a_template_that_was_typed_over_is_saved_before_it_is_exported(workspace, concert):
    with pytest.raises(gr.Error, match="kriti was changed and not saved"):
        count(workspace, concert, {"kriti": "Song in {raga}"}, "sections", FORM)


def test_what_is_left_as_it_stands_is_as_the_command_has_it():
    standing = UNSAID | {"floor_db": -60.0, "min_s": 0, "n_captions": 4.0}
    config = config_of({}, "rich", FORM | standing)
    wanted = ExportConfig("demo", template="rich", sections=("alapanai", "kriti"))
    assert config == wanted
    assert config_of({}, "rich", FORM | {"floor_db": None}).floor_db is None
    said = config_of({}, "rich", FORM | {"max_mridangam": 0, "max_per_raga": 5.0})
    assert (said.max_mridangam, said.max_per_raga) == (0, 5)


def test_exporting_writes_the_dataset_and_says_where(workspace, library):
    library.add(with_sound(workspace, ID))
    library.save(segment(ID, 0, 60, status="approved"))
    settings = (*UNTOUCHED, FORM, unheard)
    said, *_ = make(workspace, library, Stops(), *settings)
    assert str(workspace.dataset("demo")) in said
    assert (workspace.dataset("demo") / "manifest.json").is_file()
    with pytest.raises(gr.Error, match="demo"):
        make(workspace, library, Stops(), *settings)


def test_an_export_is_stopped_from_another_request(workspace, library):
    library.add(with_sound(workspace, ID))
    library.save(segment(ID, 0, 60, status="approved"))
    stops = Stops()

    def impatient(*_, **__):
        stop(stops, "demo")

    with pytest.raises(gr.Error, match="cancelled"):
        make(workspace, library, stops, *UNTOUCHED, FORM, impatient)
    assert list(workspace.datasets().iterdir()) == []
    with pytest.raises(gr.Error, match="No export of 'demo'"):
        stop(stops, "demo")


def test_nothing_is_pushed_without_a_place_or_by_a_visitor(workspace, library, monkeypatch):
    with pytest.raises(gr.Error, match="me/my-dataset"):
        push(workspace, library, "demo", " ", False, None)
    monkeypatch.setenv("SPACE_ID", "someone/space")
    with pytest.raises(gr.Error, match="in its owner's name"):
        push(workspace, library, "demo", "me/demo", False, None)
