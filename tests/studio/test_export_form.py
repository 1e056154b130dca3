"""Counting what an export would hold, and making it."""

import gradio as gr
import pytest

from studio.export_form import count, make
from tests.studio.conftest import segment, silent, with_sound

ID = "file-1"
FORM = {
    "own": {},
    "template": "sections",
    "name": "demo",
    "sections": ["alapanai", "kriti"],
    "ragas": [],
    "trust": "approved",
}


@pytest.fixture
def concert(library):
    library.add(silent(ID))
    library.save(segment(ID, 0, 40, raga="Kalyani", status="approved"))
    library.save(segment(ID, 40, 85, section="kriti", raga="Kalyani", tala="Adi"))
    return library


def unheard(*_, **__):
    """A progress that nobody watches."""


def test_counting_says_what_an_export_would_hold_and_makes_nothing(workspace, concert):
    said, table = count(workspace, concert, **FORM)
    assert "clips" in said
    assert "Kalyani" in table
    assert list(workspace.datasets().iterdir()) == []


def test_drafts_are_counted_only_if_they_are_trusted(workspace, concert):
    _, approved = count(workspace, concert, **FORM)
    _, trusted = count(workspace, concert, **{**FORM, "trust": "approved,draft"})
    assert "kriti" not in approved
    assert "kriti" in trusted


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"sections": []}, "Choose at least one"),
        ({"own": {"kriti": "Song in {raga}"}}, "kriti was changed and not saved"),
        ({"name": "../elsewhere"}, "cannot be a name"),
        ({"sections": ["tillana"]}, "Nothing to export"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_words(workspace, concert, fault, why):
    with pytest.raises(gr.Error, match=why):
        count(workspace, concert, **{**FORM, **fault})


def test_exporting_writes_the_dataset_and_says_where(workspace, library):
    library.add(with_sound(workspace, ID))
    library.save(segment(ID, 0, 60, status="approved"))
    said, _ = make(workspace, library, **FORM, replace=False, progress=unheard)
    assert str(workspace.dataset("demo")) in said
    assert (workspace.dataset("demo") / "manifest.json").is_file()
    with pytest.raises(gr.Error, match="demo"):
        make(workspace, library, **FORM, replace=False, progress=unheard)
