"""The studio's own addresses: by id, in ranges, behind the login, and nothing else."""

import gradio as gr
import pytest
from fastapi.testclient import TestClient

from studio.editor.routes import PREFIX, STATIC, routes, version
from tests.studio.conftest import segment, silent, with_sound

ID = "file-1"


def client_of(workspace, library, **app) -> TestClient:
    with gr.Blocks(analytics_enabled=False) as page:
        pass
    settings = {"app_kwargs": {"routes": routes(workspace, library)}, **app}
    return TestClient(gr.routes.App.create_app(page, **settings), base_url="http://localhost")


@pytest.fixture
def client(workspace, library):
    library.add(silent(ID))
    library.save(segment(ID, 5, 10))
    return client_of(workspace, library)


def test_a_recording_and_its_changes_are_told(client):
    told = client.get(f"{PREFIX}/recordings/{ID}").json()
    assert told["segments"][0]["start_s"] == 5
    since = client.get(f"{PREFIX}/recordings/{ID}/changes?since={told['revision']}").json()
    assert since["segments"] == []
    drawn = told["segments"][0]["id"]
    past = client.get(f"{PREFIX}/recordings/{ID}/segments/{drawn}/history").json()
    assert [each["action"] for each in past["revisions"]] == ["add"]


def test_sound_is_sent_in_ranges_and_echoes_nothing(workspace, client):
    workspace.playback(ID).write_bytes(bytes(range(256)) * 8)
    answer = client.get(
        f"{PREFIX}/recordings/{ID}/sound", headers={"Range": "bytes=300-303", "X-Mine": "secret"}
    )
    assert answer.status_code == 206
    assert answer.content == bytes([44, 45, 46, 47])
    assert answer.headers["content-range"] == "bytes 300-303/2048"
    assert "secret" not in str(answer.headers)


def test_what_is_not_there_is_said_in_words(client):
    for path in ("recordings/file-none", f"recordings/{ID}/sound", "clips/none/sound"):
        answer = client.get(f"{PREFIX}/{path}")
        assert answer.status_code == 404
        assert answer.json()["error"]


@pytest.mark.parametrize(
    "path",
    [
        "recordings/..%2Fstudio/peaks",
        "recordings/.hidden/sound",
        "runs/a/samples/..%2F..%2F..%2Fstudio.db",
        "runs/..%2Fclips/samples/x.flac",
        "static/x/..%2F..%2Froutes.py",
        "clips/%2Fetc%2Fpasswd/sound",
    ],
)
def test_no_id_leads_out_of_the_workspace(client, path):
    assert client.get(f"{PREFIX}/{path}").status_code == 404


def test_a_tile_that_is_not_ready_asks_to_come_again(client, workspace, monkeypatch):
    with_sound(workspace, ID, length_s=2)
    monkeypatch.setattr("studio.editor.later.PATIENCE_S", 0.0)
    answers = [client.get(f"{PREFIX}/recordings/{ID}/strip/3/0") for _ in range(2)]
    assert answers[0].status_code in (200, 503)  # a very fast machine may have it at once
    assert client.get(f"{PREFIX}/recordings/{ID}/strip/99/0").status_code == 404


def test_the_editors_modules_are_served_as_modules(client):
    answer = client.get(f"{PREFIX}/static/{version(STATIC)}/editor.js")
    assert answer.status_code == 200
    assert "javascript" in answer.headers["content-type"]


def test_whoever_has_not_logged_in_gets_nothing(workspace, library):
    library.add(silent(ID))
    client = client_of(workspace, library, auth_dependency=lambda request: None)
    assert client.get(f"{PREFIX}/recordings/{ID}").status_code == 401
    let_in = client_of(workspace, library, auth_dependency=lambda request: "rasika")
    assert let_in.get(f"{PREFIX}/recordings/{ID}").status_code == 200


def test_a_login_by_password_is_asked_for_too(workspace, library):
    library.add(silent(ID))
    client = client_of(workspace, library)
    client.app.auth = {"rasika": "raga"}
    assert client.get(f"{PREFIX}/recordings/{ID}").status_code == 401
    client.app.tokens["a token"] = "rasika"
    client.cookies.set(f"access-token-unsecure-{client.app.cookie_id}", "a token")
    assert client.get(f"{PREFIX}/recordings/{ID}").status_code == 200
