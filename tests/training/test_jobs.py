"""Runs are real processes here: small Python programs that behave as the trainer does."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from core.errors import RunError, StudioError
from core.workspace import PROJECT, Workspace
from training import jobs
from training.backends import Local
from training.run_folder import Figures, Order, read_order, write_order, write_status

# What the trainer does with its folder, in a few lines: rows, a status, wishes obeyed.
TRAINER = """
import json, os, pathlib, signal, sys, time
run, steps = pathlib.Path(sys.argv[1]), int(sys.argv[2])
signal.signal(signal.SIGINT, lambda *_: None)

def say(**status):
    part = run / ".status"
    part.write_text(json.dumps(status))
    os.replace(part, run / "status.json")

start = 0
if "--resume" in sys.argv:
    start = int((run / "checkpoints" / "last").read_text())
for step in range(start + 1, steps + 1):
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": step, "loss": 1 / step}) + "\\n")
    print("step", step)
    say(state="running", step=step, max_steps=steps, message="Training.")
    (run / "checkpoints").mkdir(exist_ok=True)
    (run / "checkpoints" / "last").write_text(str(step))
    if (run / "save_now").exists():
        (run / "saved").touch()
        (run / "save_now").unlink()
    if (run / "stop").exists():
        say(state="stopped", step=step, max_steps=steps, message="Stopped; all is saved.")
        sys.exit()
    time.sleep(0.02)
say(state="finished", step=steps, max_steps=steps, message="Finished.")
"""
ENDLESS = 10**6


@pytest.fixture(autouse=True)
def no_process_survives(workspace):
    yield
    for found in jobs.runs(workspace):
        Local().kill(workspace.run(found.run_id))


def begin(workspace, program: str, *words: str, name: str = "try", devices=()) -> str:
    run = jobs.reserve(workspace, name)
    argv = [sys.executable, "-c", textwrap.dedent(program), str(run), *words]
    return jobs.enqueue(workspace, run, argv, devices=devices)


def train(workspace, steps: int = 3, **about) -> str:
    return begin(workspace, TRAINER, str(steps), **about)


def until(condition, what: str, patience_s: float = 30):
    give_up = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < give_up, f"never: {what}"
        time.sleep(0.02)
    return found


def ended(workspace, run_id: str) -> jobs.Status:
    return until(
        lambda: (found := jobs.status(workspace, run_id)).has_ended and found, f"{run_id} ends"
    )


def at_work(workspace, run_id: str) -> jobs.Status:
    return until(
        lambda: (found := jobs.status(workspace, run_id)).step > 0 and found, f"{run_id} steps"
    )


def on_its_turn(workspace, run_id: str) -> jobs.Status:
    """As a page's poll looks: a process that has said its last word may still be going."""
    jobs.advance(workspace)
    return jobs.status(workspace, run_id)


def test_a_run_goes_from_launch_to_finished_and_leaves_its_rows_and_its_log(workspace):
    run_id = train(workspace, steps=3)
    found = ended(workspace, run_id)
    assert (found.state, found.step, found.max_steps) == ("finished", 3, 3)
    assert [row["step"] for row in jobs.metrics(workspace, run_id)] == [1, 2, 3]
    assert jobs.log(workspace, run_id)[0].splitlines() == ["step 1", "step 2", "step 3"]


def test_the_log_is_read_on_from_where_the_last_look_ended(workspace):
    run_id = train(workspace, steps=3)
    ended(workspace, run_id)
    _, offset = jobs.log(workspace, run_id)
    assert jobs.log(workspace, run_id, offset) == ("", offset)
    with (workspace.run(run_id) / "log.txt").open("ab") as log:
        log.write("ṣa".encode()[:-2])  # the letter is three bytes long and arrives in halves
        log.flush()
        first, between = jobs.log(workspace, run_id, offset)
        log.write("ṣa".encode()[-2:])
    assert first + jobs.log(workspace, run_id, between)[0] == "ṣa"


def test_a_log_begun_anew_is_read_from_its_start(workspace):
    run_id = train(workspace, steps=1)
    ended(workspace, run_id)
    (workspace.run(run_id) / "log.txt").write_text("anew")
    assert jobs.log(workspace, run_id, 10**6) == ("anew", 4)


def test_a_half_written_row_of_figures_waits(workspace):
    run_id = train(workspace, steps=1)
    ended(workspace, run_id)
    with (workspace.run(run_id) / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')
    assert [row["step"] for row in jobs.metrics(workspace, run_id)] == [1]


def test_stopping_lets_the_run_finish_its_step_and_save(workspace):
    run_id = train(workspace, steps=ENDLESS)
    at_work(workspace, run_id)
    assert "saves" in jobs.stop(workspace, run_id)
    found = ended(workspace, run_id)
    assert (found.state, found.message) == ("stopped", "Stopped; all is saved.")


def test_a_stopped_run_resumes_from_its_checkpoint(workspace):
    run_id = train(workspace, steps=ENDLESS)
    at_work(workspace, run_id)
    jobs.stop(workspace, run_id)
    last = ended(workspace, run_id).step
    jobs.resume(workspace, run_id)
    until(lambda: on_its_turn(workspace, run_id).step > last, "a later step")
    steps = [row["step"] for row in jobs.metrics(workspace, run_id)]
    assert steps == list(range(1, len(steps) + 1))
    assert read_order(workspace.run(run_id)).argv.count("--resume") == 1


def test_save_now_reaches_the_run(workspace):
    run_id = train(workspace, steps=ENDLESS)
    at_work(workspace, run_id)
    jobs.save_now(workspace, run_id)
    until((workspace.run(run_id) / "saved").exists, "the checkpoint")


def test_a_run_that_will_not_stop_is_killed_by_a_second_press_after_a_minute(workspace):
    deaf = """
    import pathlib, signal, sys, time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pathlib.Path(sys.argv[1], "deaf").touch()
    time.sleep(600)
    """
    run_id = begin(workspace, deaf)
    until((workspace.run(run_id) / "deaf").exists, "it listens no more")
    assert "again" in jobs.stop(workspace, run_id)
    assert "again" in jobs.stop(workspace, run_id)  # impatient: nothing is killed yet
    assert jobs.status(workspace, run_id).state == "stopping"
    wish = workspace.run(run_id) / "stop"
    os.utime(wish, (wish.stat().st_mtime - 61,) * 2)  # a minute passes
    assert "Killed" in jobs.stop(workspace, run_id)
    assert jobs.status(workspace, run_id).state == "stopped"
    assert not Local().is_alive(workspace.run(run_id))


@pytest.mark.slow
def test_killing_a_run_takes_its_workers_along(workspace):
    parent = """
    import pathlib, subprocess, sys, time
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                              start_new_session=True)
    part = pathlib.Path(sys.argv[1], "part")
    part.write_text(str(worker.pid))
    part.rename(pathlib.Path(sys.argv[1], "worker"))
    time.sleep(600)
    """
    run_id = begin(workspace, parent)
    known = workspace.run(run_id) / "worker"
    until(known.exists, "a worker")
    worker = psutil.Process(int(known.read_text()))
    Local().kill(workspace.run(run_id))
    gone = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    until(lambda: not worker.is_running() or worker.status() in gone, "the worker ends")


def test_a_run_that_dies_has_failed_with_its_last_words(workspace):
    run_id = begin(workspace, "raise SystemExit('the raga wheel came off')")
    found = ended(workspace, run_id)
    assert found.state == "failed"
    assert "the raga wheel came off" in found.message


def test_a_run_that_the_machine_kills_has_failed_and_says_so(workspace):
    run_id = train(workspace, steps=ENDLESS)
    at_work(workspace, run_id)
    pid = json.loads((workspace.run(run_id) / "pid").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    until((workspace.run(run_id) / "exit").exists, "the death is noticed")
    found = ended(workspace, run_id)
    assert found.state == "failed"
    assert "signal 9" in found.message


def test_a_run_interrupted_before_its_first_step_counts_as_stopped(workspace):
    idle = """
    import pathlib, signal, sys, time
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
    (pathlib.Path(sys.argv[1]) / "ready").touch()
    time.sleep(600)  # does not look for wishes
    """
    run_id = begin(workspace, idle)
    until((workspace.run(run_id) / "ready").exists, "it runs")
    jobs.stop(workspace, run_id)
    assert ended(workspace, run_id).state == "stopped"


def test_a_second_press_sends_no_second_signal_which_would_keep_it_from_saving(workspace):
    slow = """
    import pathlib, signal, sys, time
    run, heard = pathlib.Path(sys.argv[1]), []
    signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    (run / "ready").touch()
    while not (run / "enough").exists():
        time.sleep(0.02)
    (run / "heard").write_text(str(len(heard)))
    time.sleep(600)
    """
    run_id = begin(workspace, slow)
    until((workspace.run(run_id) / "ready").exists, "it listens")
    for _ in range(3):
        jobs.stop(workspace, run_id)
    (workspace.run(run_id) / "enough").touch()
    heard = workspace.run(run_id) / "heard"
    until(lambda: heard.exists() and heard.read_text(), "it tells")
    assert heard.read_text() == "1"


def test_a_run_started_by_hand_is_watched_and_killed_like_any_other(workspace):
    run = jobs.reserve(workspace, "by hand")
    write_order(run, Order(("python",)))
    write_status(run, state="running")
    script = (
        "import sys, time; from pathlib import Path; from training.backends import claim; "
        "claim(Path(sys.argv[1])); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(run)], cwd=PROJECT)
    until((run / "pid").exists, "it says who it is")
    assert jobs.status(workspace, run.name).state == "running"
    Local().kill(run)
    process.wait(timeout=10)
    assert jobs.status(workspace, run.name).state == "failed"


def test_a_pid_that_belongs_to_another_process_by_now_is_not_the_run(workspace):
    run_id = train(workspace, steps=ENDLESS)
    at_work(workspace, run_id)
    Local().kill(workspace.run(run_id))
    other = psutil.Process()  # this test's own process took over the number
    began = other.create_time() - psutil.boot_time() - 100
    (workspace.run(run_id) / "pid").write_text(json.dumps({"pid": other.pid, "began": began}))
    assert jobs.status(workspace, run_id).state == "failed"


STUDIO = """
import sys
from pathlib import Path
from core.workspace import Workspace
from training import jobs
from training.backends import Local
from training.run_folder import Figures
workspace = Workspace.at(Path(sys.argv[1]))
run = jobs.reserve(workspace, "try")
print(jobs.enqueue(workspace, run, [sys.executable, "-c", sys.argv[2], str(run), sys.argv[3]]))
"""


def launched_by_another_studio(workspace: Workspace, steps: int) -> str:
    words = [sys.executable, "-c", STUDIO, str(workspace.root), TRAINER, str(steps)]
    result = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=True)
    return result.stdout.strip()


def test_a_run_outlives_its_studio_and_the_next_one_adopts_it(workspace):
    run_id = launched_by_another_studio(workspace, ENDLESS)
    before = at_work(workspace, run_id).step
    until(lambda: jobs.status(workspace, run_id).step > before, "a step after the studio closed")
    assert [found.run_id for found in jobs.runs(workspace)] == [run_id]
    jobs.stop(workspace, run_id)
    assert ended(workspace, run_id).state == "stopped"


def test_a_run_that_died_while_no_studio_was_open_has_failed(workspace):
    run_id = launched_by_another_studio(workspace, ENDLESS)
    at_work(workspace, run_id)
    Local().kill(workspace.run(run_id))
    found = jobs.status(workspace, run_id)
    assert found.state == "failed"
    assert "step" in found.message  # its log's last lines


def test_a_second_run_waits_for_the_first_and_then_takes_its_turn(workspace):
    first, second = train(workspace, steps=ENDLESS), train(workspace, steps=2)
    assert jobs.status(workspace, second).state == "queued"
    assert jobs.advance(workspace) == []
    at_work(workspace, first)
    jobs.stop(workspace, first)
    ended(workspace, first)
    until(lambda: jobs.advance(workspace) == [second], "the second's turn")
    assert ended(workspace, second).state == "finished"


def test_runs_on_different_devices_run_at_once_and_none_is_overtaken(workspace):
    holder = train(workspace, steps=ENDLESS, devices=("0",))
    beside = train(workspace, steps=ENDLESS, devices=("1",))
    both = train(workspace, steps=2, devices=("0", "1"))
    late = train(workspace, steps=2, devices=("1",))
    states = {found.run_id: found.state for found in jobs.runs(workspace)}
    assert (states[holder], states[beside]) == ("running", "running")
    at_work(workspace, beside)
    jobs.stop(workspace, beside)
    ended(workspace, beside)
    assert jobs.advance(workspace) == []  # device 1 is free, but `both` was there before `late`
    assert {jobs.status(workspace, each).state for each in (both, late)} == {"queued"}


def test_a_queued_run_is_taken_out_by_stop(workspace):
    train(workspace, steps=ENDLESS)
    second = train(workspace, steps=2)
    jobs.stop(workspace, second)
    assert jobs.status(workspace, second).state == "stopped"


def test_two_studios_do_not_both_start_a_run(workspace):
    blocker = train(workspace, steps=ENDLESS)
    waiting = train(workspace, steps=ENDLESS)
    at_work(workspace, blocker)
    Local().kill(workspace.run(blocker))
    started = []
    studios = [
        threading.Thread(target=lambda: started.extend(jobs.advance(workspace))) for _ in range(4)
    ]
    for studio in studios:
        studio.start()
    for studio in studios:
        studio.join()
    assert started == [waiting]


def test_two_launches_in_one_second_get_folders_of_their_own(workspace):
    names = {jobs.reserve(workspace, "Alapanai, first try").name for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("alapanai-first-try-") for name in names)


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "…", "x" * 300])
def test_any_name_becomes_a_safe_folder_inside_the_runs(workspace, name):
    assert jobs.reserve(workspace, name).parent == workspace.runs()


@pytest.mark.parametrize("run_id", ["../secrets", "/etc", "", ".hidden"])
def test_a_run_id_cannot_lead_out_of_the_runs(workspace, run_id):
    for ask in (jobs.status, jobs.log, jobs.metrics, jobs.stop, jobs.delete):
        with pytest.raises(StudioError):
            ask(workspace, run_id)


def test_a_run_nobody_launched_is_not_found(workspace):
    with pytest.raises(RunError, match="No run 'nothing'"):
        jobs.status(workspace, "nothing")


def test_what_cannot_be_asked_of_an_ended_run_is_refused(workspace):
    run_id = train(workspace, steps=1)
    ended(workspace, run_id)
    for ask in (jobs.stop, jobs.save_now, jobs.sample_now, jobs.resume):
        with pytest.raises(RunError, match="finished"):
            ask(workspace, run_id)


def test_a_run_without_a_checkpoint_does_not_resume(workspace):
    run_id = begin(workspace, "raise SystemExit(1)")
    ended(workspace, run_id)
    with pytest.raises(RunError, match="no checkpoint"):
        jobs.resume(workspace, run_id)


def test_a_command_that_is_not_there_fails_at_once_and_frees_the_queue(workspace):
    run = jobs.reserve(workspace, "try")
    jobs.enqueue(workspace, run, ["/nowhere/python"])
    found = jobs.status(workspace, run.name)
    assert found.state == "failed"
    assert "could not be started" in found.message
    next_id = train(workspace, steps=1)
    assert jobs.status(workspace, next_id).state != "queued"


def test_a_damaged_run_is_listed_as_failed_and_hides_no_other(workspace):
    run_id = train(workspace, steps=1)
    ended(workspace, run_id)
    broken = jobs.reserve(workspace, "broken")
    write_order(broken, Order(("true",)))
    (broken / "status.json").write_text('{"state": "run')
    states = {found.run_id: found.state for found in jobs.runs(workspace)}
    assert states == {run_id: "finished", broken.name: "failed"}


def test_only_an_ended_run_is_deleted(workspace):
    run_id = train(workspace, steps=ENDLESS)
    with pytest.raises(RunError, match="Stop it first"):
        jobs.delete(workspace, run_id)
    at_work(workspace, run_id)
    jobs.stop(workspace, run_id)
    ended(workspace, run_id)
    until(lambda: not Local().is_alive(workspace.run(run_id)), "the process is gone")
    jobs.delete(workspace, run_id)
    assert jobs.runs(workspace) == []


def test_samples_are_listed_by_step_with_what_is_said_of_them(workspace):
    run = jobs.reserve(workspace, "try")
    write_order(run, Order(("true",)))
    write_status(run, state="finished")
    for name in ("000200/mohanam.flac", "000020/kalyani.flac", "000020/kalyani.json"):
        path = run / "samples" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"raga": "Kalyani"}' if path.suffix == ".json" else b"")
    found = jobs.samples(workspace, run.name)
    assert [(each.step, Path(each.path).name) for each in found] == [
        (20, "kalyani.flac"),
        (200, "mohanam.flac"),
    ]
    assert found[0].about == {"raga": "Kalyani"}


def test_rows_are_read_once_and_forgotten_when_a_resumed_run_takes_them_back(workspace):
    run = jobs.reserve(workspace, "rows")
    path, figures = run / "metrics.jsonl", Figures()
    assert figures.of(run) == []
    path.write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert [row["step"] for row in figures.of(run)] == [1, 2]
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n')
    assert [row["step"] for row in figures.of(run)] == [1, 2, 3]
    path.write_text('{"step": 1}\n')
    assert [row["step"] for row in figures.of(run)] == [1]
    assert figures.of(run) is figures.of(run)
