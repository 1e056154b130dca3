"""Splits never share an artist where it can be helped, and stay when recordings are added."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.records import Recording
from core.splits import SPLITS, assign


def recording(number: int, artist: str | None = None) -> Recording:
    return Recording(f"file-{number}", f"Concert {number}", 60.0, "own", "x", lead_artist=artist)


def many(n: int, per_artist: int = 3) -> list[Recording]:
    return [recording(i, f"Artist {i // per_artist}") for i in range(n)]


artists = st.lists(st.one_of(st.none(), st.sampled_from("ABCDEFGHIJ")), min_size=1, max_size=30)


@given(artists)
@settings(max_examples=50)
def test_every_recording_has_a_split_and_training_is_never_empty(names):
    recordings = [recording(i, name) for i, name in enumerate(names)]
    splits = assign(recordings)
    assert set(splits.of) == {each.id for each in recordings}
    assert "train" in splits.of.values()
    assert set(splits.of.values()) <= set(SPLITS)


@given(artists)
@settings(max_examples=50)
def test_an_artist_is_in_one_split_or_the_notes_say_otherwise(names):
    recordings = [recording(i, name) for i, name in enumerate(names)]
    splits = assign(recordings)
    of_artist: dict[str, set[str]] = {}
    for each in recordings:
        if each.lead_artist:
            of_artist.setdefault(each.lead_artist, set()).add(splits.of[each.id])
    straddling = [name for name, found in of_artist.items() if len(found) > 1]
    assert not straddling or "same artist" in splits.notes[0]


def test_the_spelling_of_an_artist_does_not_matter():
    names = ["M. S.  Subbulakshmi", "m. s. subbulakshmi", "B", "C", "D"]
    splits = assign([recording(i, name) for i, name in enumerate(names)])
    assert splits.of["file-0"] == splits.of["file-1"]


def test_about_a_tenth_each_is_held_out():
    counted = Counter(assign(many(600, per_artist=1)).of.values())
    # binomial with 600 draws: a standard deviation is 1.2 % of all
    assert counted["validation"] / 600 == pytest.approx(0.1, abs=0.04)
    assert counted["test"] / 600 == pytest.approx(0.1, abs=0.04)


def test_splits_stay_when_recordings_are_added():
    before, after = assign(many(180)).of, assign(many(270)).of  # 60 artists and more
    assert all(after[key] == split for key, split in before.items())


def test_the_splits_of_an_earlier_export_are_kept_and_followed_by_the_artist():
    kept = {"file-0": "test", "file-1": "test"}
    splits = assign(many(30), kept)
    assert [splits.of[f"file-{i}"] for i in range(3)] == ["test"] * 3


@pytest.mark.parametrize(
    ("n", "present", "missing"),
    [
        (1, {"train"}, ["validation", "test"]),
        (2, {"train"}, ["validation", "test"]),
        (3, {"train", "validation"}, ["test"]),
        (6, {"train", "validation", "test"}, []),
    ],
)
def test_a_small_library_trains_first_and_says_what_is_missing(n, present, missing):
    splits = assign([recording(i, f"Artist {i}") for i in range(n)])
    assert set(splits.of.values()) == present
    assert [note.split()[1] for note in splits.notes] == missing


def test_one_artists_library_is_split_by_recording_and_says_so():
    splits = assign([recording(i, "The only one") for i in range(8)])
    assert set(splits.of.values()) == set(SPLITS)
    assert splits.notes == (
        "The same artist is heard in several splits: there are too few artists.",
    )


def test_the_same_audio_is_in_one_split_whoever_is_said_to_sing():
    recordings = [recording(i, f"Artist {i}") for i in range(40)]
    drawn = assign(recordings).of
    train = next(key for key, split in drawn.items() if split == "train")
    held_out = next(key for key, split in drawn.items() if split == "test")
    splits = assign(recordings, same=[{train, held_out}])
    assert splits.of[train] == splits.of[held_out]
    assert (
        f"The same audio, kept in one split: {', '.join(sorted((train, held_out)))}."
        in splits.notes
    )


def test_the_same_audio_is_put_together_even_if_an_earlier_export_did_not_know():
    recordings = [recording(i, f"Artist {i}") for i in range(12)]
    kept = {f"file-{i}": "train" for i in range(12)} | {"file-3": "test"}
    splits = assign(recordings, kept, same=[{"file-3", "file-4"}])
    assert splits.of["file-3"] == splits.of["file-4"]


def test_no_raga_is_held_out_that_training_never_hears():
    recordings = many(120, per_artist=1)
    heard = {each.id: {f"raga {i % 40}", "kriti"} for i, each in enumerate(recordings)}
    heard["file-0"].add("raga nobody else sings")
    for number in range(120):  # whoever sings it
        heard[f"file-{number}"].add("raga of one")
        of = assign(recordings, heard=heard).of
        heard[f"file-{number}"].discard("raga of one")
        taught = set().union(*(heard[key] for key, split in of.items() if split == "train"))
        assert not set().union(*heard.values()) - taught
        assert of[f"file-{number}"] == "train"
        assert set(of.values()) == set(SPLITS)


def test_what_everybody_sings_changes_nothing():
    recordings = many(180)
    heard = {each.id: {"Mohanam", "kriti"} for each in recordings}
    assert assign(recordings, heard=heard).of == assign(recordings).of


def test_in_a_small_library_another_artist_is_held_out_instead():
    recordings = [recording(i, f"Artist {i}") for i in range(6)]
    drawn = assign(recordings).of
    held_out = next(key for key, split in drawn.items() if split == "test")
    heard = {each.id: {"Mohanam"} for each in recordings} | {held_out: {"Mohanam", "Todi"}}
    splits = assign(recordings, heard=heard).of
    assert splits[held_out] == "train"
    assert set(splits.values()) == set(SPLITS)
