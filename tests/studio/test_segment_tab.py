"""Which recording the editor opens."""

from studio.segment_tab import choices, offer, to_open
from tests.studio.conftest import silent


def test_recordings_are_offered_by_title(library):
    library.add(silent("file-1", title="Zenith"))
    library.add(silent("file-2", title="Arohana"))
    assert choices(library) == [("Arohana", "file-2"), ("Zenith", "file-1")]


def test_the_first_recording_opens_if_none_is_chosen(library):
    library.add(silent("file-1"))
    dropdown, value = offer(library, None, None)
    assert dropdown.value == "file-1"
    assert value["recording_id"] == "file-1"


def test_what_is_open_is_not_opened_again(library):
    library.add(silent("file-1"))
    shown = to_open("file-1")
    dropdown, value = offer(library, "file-1", shown)
    assert dropdown.value == "file-1"
    assert "recording_id" not in value  # gradio's word for "leave it as it is"


def test_a_recording_that_is_gone_gives_way_to_one_that_is_there(library):
    library.add(silent("file-2"))
    dropdown, value = offer(library, "file-gone", to_open("file-gone"))
    assert dropdown.value == value["recording_id"] == "file-2"


def test_an_empty_library_opens_nothing(library):
    dropdown, value = offer(library, None, None)
    assert dropdown.value is None
    assert value["recording_id"] is None


def test_each_opening_is_new_so_that_the_editor_sees_it():
    assert to_open("file-1") != to_open("file-1")
