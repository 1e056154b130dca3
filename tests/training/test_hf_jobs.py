"""Hugging Face Jobs by the real client, against a server of this machine that runs the jobs."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.errors import RunError
from core.workspace import Workspace
from tests.training.lesson import quick, small_dataset, small_model
from training import hf_jobs, jobs
from training.hf_jobs import MOUNT, Flavor, flavors, hours, pins
from training.run_folder import Place, write_order

PATIENCE_S = 240
STAMP = "2026-01-01T00:00:00.000Z"
HARDWARE = [
    {
        "name": "cpu-basic", "prettyName": "CPU Basic", "cpu": "2 vCPU", "ram": "16 GB",
        "unitCostMicroUSD": 167, "unitCostUSD": 0.000167, "unitLabel": "minute",
    },
    {
        "name": "t4-small", "prettyName": "Nvidia T4 - small", "cpu": "4 vCPU", "ram": "15 GB",
        "accelerator": {
            "type": "gpu", "model": "T4", "quantity": "1", "vram": "16 GB", "manufacturer": "Nvidia"
        },
        "unitCostMicroUSD": 6667, "unitCostUSD": 0.006667, "unitLabel": "minute",
    },
]  # fmt: skip


@dataclass
class Hub:
    """Speaks the Jobs API, and runs each job's command with the bucket where it was mounted."""

    bucket: Path
    asked: list[dict] = field(default_factory=list)
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    refuses: int = 0

    def start(self, spec: dict) -> dict:
        self.asked.append(spec)
        job = f"job{len(self.asked)}"
        words = [each.replace(MOUNT, str(self.bucket)) for each in spec["command"]]
        words = [sys.executable, *words[words.index("python") + 1 :]]
        code = spec["environment"]["PYTHONPATH"].replace(MOUNT, str(self.bucket))
        with (self.bucket / f"{job}.log").open("wb") as log:
            self.processes[job] = subprocess.Popen(
                words, cwd="/", stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "PYTHONPATH": code, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        return self.about(job)

    def about(self, job: str) -> dict:
        code = self.processes[job].poll()
        stage = "RUNNING" if code is None else "ERROR" if code else "COMPLETED"
        stage = "CANCELED" if job in self.cancelled else stage
        return {
            "id": job, "status": {"stage": stage, "message": None},
            "owner": {"id": "1", "name": "somebody", "type": "user"},
            "createdAt": STAMP,
        }  # fmt: skip

    def cancel(self, job: str) -> dict:
        self.cancelled.add(job)
        self.processes[job].kill()
        self.processes[job].wait()
        return self.about(job)


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/api/whoami-v2":
                return self.answer({"name": "somebody", "type": "user", "auth": {}})
            if self.path == "/api/jobs/hardware":
                return self.answer(HARDWARE)
            job = self.path.split("?")[0].split("/")[4]
            if self.path.split("?")[0].endswith("/logs"):
                lines = (hub.bucket / f"{job}.log").read_text().splitlines()
                events = [
                    f"data: {json.dumps({'data': line, 'timestamp': STAMP})}\n\n" for line in lines
                ]
                return self.answer("".join(events), "text/event-stream")
            return self.answer(hub.about(job))

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if hub.refuses:
                return self.answer({"error": "Payment required"}, status=hub.refuses)
            if self.path.endswith("/cancel"):
                return self.answer(hub.cancel(self.path.split("/")[4]))
            return self.answer(hub.start(json.loads(body)))

        def answer(self, said, kind="application/json", status=200):
            text = said if isinstance(said, str) else json.dumps(said)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    return Handler


@pytest.fixture
def hub(tmp_path, monkeypatch):
    from huggingface_hub import close_session, constants

    bucket = tmp_path / "bucket"
    bucket.mkdir()
    running = Hub(bucket)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(running))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    close_session()
    monkeypatch.setattr(hf_jobs, "LOOK_EVERY_S", 0.5)
    yield running
    for process in running.processes.values():
        process.kill()
        process.wait()
    server.shutdown()
    server.server_close()
    close_session()


@pytest.fixture
def place(hub) -> Place:
    return Place("hf-jobs", "t4-small", "90m", "somebody/carnatic", shelf=f"file://{hub.bucket}")


def until(condition, what: str):
    give_up = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < give_up, f"never: {what}"
        time.sleep(0.3)
    return found


def polled(workspace, run_id) -> jobs.Status:
    jobs.advance(workspace)
    return jobs.status(workspace, run_id)


def test_machines_come_with_their_price_gpus_first(hub):
    found = flavors()
    assert [each.name for each in found] == ["t4-small", "cpu-basic"]
    assert found[0].usd_per_hour == pytest.approx(0.40, abs=0.001)
    assert "T4" in str(Flavor(*vars(found[0]).values()))
    assert "$0.40 an hour" in str(found[0])


@pytest.mark.parametrize(("said", "hour"), [("90m", 1.5), ("6h", 6), ("1.5d", 36), ("3600s", 1)])
def test_a_timeout_is_said_as_the_hub_says_it(said, hour):
    assert hours(said) == pytest.approx(hour)


@pytest.mark.parametrize("said", ["", "6", "h", "-1h", "300d", "six h"])
def test_no_timeout_is_no_timeout(said):
    with pytest.raises(RunError, match="90m, 6h or 2d"):
        hours(said)


def test_what_training_needs_is_pinned_and_the_page_is_not_among_it():
    names = {pin.partition("==")[0] for pin in pins()}
    assert {"torch", "diffusers", "peft", "accelerate"} <= names
    assert not {name for name in names if name.startswith("gradio")}


@pytest.mark.slow
def test_a_job_is_launched_watched_stopped_resumed_and_its_model_comes_home(hub, place, workspace):
    dataset = small_dataset(workspace.dataset("lesson"))
    base = small_model(workspace.models() / "base")
    config = quick(dataset, base, None, max_steps=100_000, save_every=0)
    run_id = jobs.launch(workspace, config, name="far away", place=place)
    run = workspace.run(run_id)
    (spec,) = hub.asked
    assert (spec["flavor"], spec["timeoutSeconds"]) == ("t4-small", 5400)
    assert (
        spec["volumes"] == [{"type": "bucket", "source": "somebody/carnatic", "mountPath": MOUNT}]
        or spec["volumes"][0]["source"] == "somebody/carnatic"
    )
    assert "secrets" not in spec
    assert not any(str(workspace.root) in word for word in spec["command"])

    until(lambda: polled(workspace, run_id).step >= 2, "two steps")
    jobs.stop(workspace, run_id)
    stopped = until(lambda: (now := polled(workspace, run_id)).has_ended and now, "the end")
    assert stopped.state == "stopped", stopped.message
    steps = [row["step"] for row in jobs.metrics(workspace, run_id)]
    assert steps == list(range(1, stopped.step + 1))
    assert "Training." in jobs.log(workspace, run_id)[0]
    assert not (run / "checkpoints").exists()  # they stay on the bucket

    jobs.resume(workspace, run_id, max_steps=stopped.step + 2)
    assert "--resume" in hub.asked[1]["command"]
    done = until(lambda: (now := polled(workspace, run_id)).has_ended and now, "the end again")
    assert (done.state, done.step) == ("finished", stopped.step + 2), done.message
    assert (run / "model/model_index.json").exists()


@pytest.mark.slow
def test_a_job_that_fails_says_its_last_words(hub, place, workspace):
    dataset = small_dataset(workspace.dataset("lesson"))
    config = replace(quick(dataset, dataset, None), base="no/such")
    run_id = jobs.launch(workspace, config, name="wrong", place=place)
    found = until(lambda: (now := polled(workspace, run_id)).has_ended and now, "the end")
    assert found.state == "failed"
    assert "no/such" in found.message


def test_what_the_hub_refuses_is_said_with_what_to_do(hub, place, workspace):
    dataset = small_dataset(workspace.dataset("lesson"))
    config = replace(quick(dataset, dataset, None), base="no/such")
    hub.refuses = 402
    run_id = jobs.launch(workspace, config, name="poor", place=place)
    found = jobs.status(workspace, run_id)
    assert found.state == "failed"
    assert "credit" in found.message


def test_a_job_is_cancelled_when_it_does_not_listen(hub, place, workspace, monkeypatch):
    dataset = small_dataset(workspace.dataset("lesson"))
    monkeypatch.setattr(Hub, "start", lambda self, spec: _asleep(self, spec))
    monkeypatch.setattr(jobs, "PATIENCE_S", 0)
    config = replace(quick(dataset, dataset, None), base="no/such")
    run_id = jobs.launch(workspace, config, name="deaf", place=place)
    jobs.stop(workspace, run_id)
    assert "Killed" in jobs.stop(workspace, run_id)
    assert hub.cancelled == {"job1"}
    assert jobs.status(workspace, run_id).state == "stopped"


def _asleep(hub: Hub, spec: dict) -> dict:
    hub.asked.append(spec)
    hub.processes["job1"] = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(99)"])
    return hub.about("job1")


def test_a_run_knows_where_it_lives_after_a_restart(place, workspace: Workspace):
    run = jobs.reserve(workspace, "kept")
    write_order(run, jobs.Order(("python",), (), 1.0, place))
    assert jobs.read_order(run).place == place
