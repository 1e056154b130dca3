"""Models of the Hub, fetched by the real client from a hub on this machine."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.workspace import PROJECT
from tests.training.tiny import tiny_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "someone/a-model"


class Hub(ThreadingHTTPServer):
    """One repository, as the Hub serves it."""

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), _Answers)
        self.folder, self.asked = folder, []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def files(self) -> list[str]:
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.folder)) for path in found)


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        if path.startswith(f"/api/models/{NAME}/tree"):
            entries = [
                {"type": "file", "path": name, "size": self._file(name).stat().st_size, "oid": "0"}
                for name in self.server.files()
            ]
            self._json(entries)
        elif path.startswith(f"/api/models/{NAME}"):
            siblings = [{"rfilename": name} for name in self.server.files()]
            self._json({"id": NAME, "sha": COMMIT, "siblings": siblings})
        elif path.startswith(f"/{NAME}/resolve/"):
            name = path.split("/", 5)[5]
            self.server.asked.append(name)
            self._send(self._file(name).read_bytes(), name)
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def _file(self, name: str) -> Path:
        return self.server.folder / name

    def _json(self, said) -> None:
        self._send(json.dumps(said).encode(), "api")

    def _send(self, content: bytes, name: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{abs(hash(name)):040x}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def hub(tmp_path):
    server = Hub(tiny_model(tmp_path / "served"))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def located(hub: Hub, home: Path) -> subprocess.CompletedProcess:
    """In a process of its own: the client reads where the Hub is once, when imported."""
    script = f"from training.loading import locate; print(locate({NAME!r}))"
    environment = os.environ | {
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_model_of_the_hub_comes_with_its_codec_and_without_its_pickles(hub, tmp_path):
    (hub.folder / "codec.json").write_text("{}")
    (hub.folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"a pickle")
    (hub.folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"again")
    (hub.folder / "safety_checker").mkdir()
    (hub.folder / "safety_checker" / "model.safetensors").write_bytes(b"not needed")
    result = located(hub, tmp_path / "home")
    assert result.returncode == 0, result.stderr[-2000:]
    folder = Path(result.stdout.strip())
    assert (folder / "codec.json").is_file()
    assert {"unet", "vae", "text_encoder", "tokenizer"} <= {path.name for path in folder.iterdir()}
    unwanted = (".bin", ".fp16.safetensors", "safety_checker/model.safetensors")
    assert not [name for name in hub.asked if name.endswith(unwanted)]


@pytest.mark.slow
def test_a_model_whose_weights_are_only_pickled_is_refused_unfetched(hub, tmp_path):
    for path in list(hub.folder.rglob("*.safetensors")):
        path.rename(path.with_suffix(".bin"))
    result = located(hub, tmp_path / "home")
    assert "ModelError" in result.stderr
    assert "safetensors" in result.stderr
    assert not [name for name in hub.asked if name.endswith(".bin")]


@pytest.mark.slow
def test_weights_in_half_precision_only_are_taken(hub, tmp_path):
    for path in list(hub.folder.rglob("*.safetensors")):
        path.rename(path.with_suffix(".fp16.safetensors"))
    result = located(hub, tmp_path / "home")
    assert result.returncode == 0, result.stderr[-2000:]
