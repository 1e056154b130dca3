"""A command says a mistake in one line, wherever it was noticed."""

import subprocess
import sys

from core.workspace import PROJECT


def said(module: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )


def test_what_a_settings_class_refuses_is_one_line_and_status_two(tmp_path):
    answer = said("core.export", "--name", "a/b", "--workspace", str(tmp_path))
    assert answer.returncode == 2
    (line,) = answer.stderr.strip().splitlines()
    assert "'a/b' cannot be a name" in line


def test_what_a_stage_refuses_is_one_line_and_status_two(tmp_path):
    answer = said("core.caption", "--template", "none-such", "--workspace", str(tmp_path))
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: No template 'none-such'")
    assert len(answer.stderr.strip().splitlines()) == 1


def test_an_option_that_is_not_there_is_told_with_what_was_meant():
    answer = said("core.export", "--nme", "x")
    assert answer.returncode == 2
    assert "--nme" in answer.stderr
