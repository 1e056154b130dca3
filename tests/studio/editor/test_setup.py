"""The one browser library: locked, checked, and explained where it cannot be had."""

import json

import pytest

from core.errors import StudioError
from studio.editor import setup


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A folder as `web/`, with nothing installed."""
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_text((setup.WEB / name).read_text())
    monkeypatch.setattr(setup, "WEB", tmp_path)
    monkeypatch.setattr(setup, "DIST", tmp_path / setup.LIBRARY / "dist")
    return tmp_path


def put(web, version):
    (setup.DIST).mkdir(parents=True)
    (setup.DIST / "wavesurfer.esm.js").write_text("")
    (web / setup.LIBRARY / "package.json").write_text(json.dumps({"version": version}))


def test_the_lock_names_one_library_and_no_registry():
    lock = json.loads((setup.WEB / "package-lock.json").read_text())
    assert set(lock["packages"]) == {"", setup.LIBRARY}
    assert "resolved" not in json.dumps(lock)
    assert lock["packages"][setup.LIBRARY]["integrity"].startswith("sha512-")


def test_only_the_locked_version_counts_as_ready(web):
    assert not setup.is_ready()
    put(web, "8.0.1")
    assert not setup.is_ready()
    (web / setup.LIBRARY / "package.json").write_text('{"version": "7.12.12"}')
    assert setup.is_ready()
    assert setup.install_if_missing() is None


def test_a_failed_installation_is_one_error_with_the_last_words(web, monkeypatch):
    monkeypatch.setattr(setup, "_npm", lambda: ["sh", "-c", "echo no network >&2; exit 1"])
    with pytest.raises(StudioError, match="no network"):
        setup.main()
