"""Which GPUs a run takes: all there are, or those that are named."""

import pytest

from core.errors import RunError
from training.devices import chosen, gpus


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine whose driver counts two GPUs."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 0\necho 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_all_gpus_are_taken_unless_some_are_named(machine):
    assert gpus() == chosen("") == chosen(None) == ("0", "1")
    assert chosen(" 1 ") == ("1",)
    assert chosen("1, 0 1") == ("1", "0")


def test_a_machine_without_gpus_names_none(bare):
    assert gpus() == chosen("") == ()
    with pytest.raises(RunError, match="There are: none"):
        chosen("0")


def test_what_the_environment_allows_counts(machine, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert gpus() == ("1",)
    assert chosen("") == ()  # one alone needs no launcher


@pytest.mark.parametrize("said", ["first", "0;1", "-1", "0,$(reboot)"])
def test_what_is_no_number_is_refused(machine, said):
    with pytest.raises(RunError, match="names no GPUs"):
        chosen(said)


def test_a_gpu_that_is_not_there_is_refused_with_those_that_are(machine):
    with pytest.raises(RunError, match=r"no GPU 7 here\. There are: 0, 1"):
        chosen("0,7")
