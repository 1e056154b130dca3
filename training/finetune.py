"""Stage 6: fine-tune a diffusion model on an exported dataset.

    python -m training.finetune --dataset DIR --base PATH_OR_ID --output RUN
    accelerate launch -m training.finetune ...          the same on several GPUs or machines

All a run says is in its folder (`training.run_folder`). It ends after its last step, when it is
asked to stop, or when it cannot go on; in each case it says so there, and what it learned is kept.
"""

import dataclasses
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import RunError, StudioError
from core.workspace import Workspace
from training.card import write_card
from training.checkpoint import checkpoints, load_checkpoint, save_checkpoint, writing
from training.config import SAME_WHEN_RESUMED, FinetuneConfig, read_config
from training.jobs import reserve
from training.journal import Journal, logging_to
from training.ledger import Ledger, refuse_nonsense, whole_rows
from training.model import keep_lora, save_model
from training.run_folder import CHECKPOINTS, CONFIG, MODEL, SAMPLE_NOW, SAMPLES, SAVE_NOW
from training.session import Session, Taken, open_session, take_step

log = logging.getLogger(__name__)


def finetune(config: FinetuneConfig) -> Path:
    """Train as `config` says and return the run's folder.

    Raises
    ------
    DatasetError, ModelError, RunError
        If the data, the model or the run's folder cannot be used, or the training went wrong; the
        run's status says the same.
    """
    run = config.output or _reserved(config)
    config = dataclasses.replace(config, output=run)
    _check_folder(run, config)
    is_main = _process("RANK") == 0  # as accelerate and torchrun number them
    journal = Journal(run, config.max_steps, writes=is_main)
    with logging_to(run, is_main), journal.listening():
        try:
            _live(config, journal)
        except StudioError as error:
            journal.end("failed", _last_step(run), str(error))
            raise
        except OSError as error:
            raise _full_disk(error, journal) from error
        except KeyboardInterrupt:
            journal.end("stopped", _last_step(run), "Stopped before it could save.")
            raise
        finally:
            if not journal.has_ended:  # a bug; its traceback is on its way
                journal.end("failed", _last_step(run), "It broke; the log says where.")
    return run


def _process(variable: str) -> int:
    return int(os.environ.get(variable) or 0)


def _reserved(config: FinetuneConfig) -> Path:
    if _process("WORLD_SIZE") > 1:
        raise RunError("Several processes need one folder: name it by --output.")
    return reserve(Workspace.at(), Path(config.dataset).name)


def _check_folder(run: Path, config: FinetuneConfig) -> None:
    if not config.resume:
        if checkpoints(run / CHECKPOINTS):
            raise RunError(
                f"{run} holds a run already. Go on with it by --resume, or choose another --output."
            )
        return
    before = read_config(run / CONFIG)
    for name in SAME_WHEN_RESUMED:
        if getattr(before, name) != getattr(config, name):
            raise RunError(
                f"The run in {run} has {name} {getattr(before, name)!r}, not "
                f"{getattr(config, name)!r}. Resume it with its own settings."
            )


def _live(config: FinetuneConfig, journal: Journal) -> None:
    """The whole life of a run, from its settings to its last word."""
    journal.begin(config)
    session = open_session(config)
    if config.resume:
        session.progress = load_checkpoint(journal.run / CHECKPOINTS, session.trained)
        journal.forget_after(session.progress.step)
    why = train(session, journal)
    if journal.writes:
        if not checkpoints(journal.run / CHECKPOINTS)[-1:] or _last_step(journal.run) != (
            session.progress.step
        ):
            _save(session, journal)
        journal.say("Writing the model.", step=session.progress.step)
        _write_model(session, journal.run)
    session.accelerator.wait_for_everyone()
    state = "stopped" if why == STOPPED else "finished"
    journal.end(state, session.progress.step, why)
    session.accelerator.end_training()


STOPPED = "Stopped as asked; everything is saved."
FINISHED = "Finished."


def train(session: Session, journal: Journal) -> str:
    """Take the steps that are left; return why it ended."""
    config, progress, ledger = session.config, session.progress, Ledger(session)
    journal.learns = True
    journal.say("Training.", step=progress.step)
    is_asked = _agreed(session, journal.wants_stop())
    while progress.step < config.max_steps:
        if is_asked:
            return STOPPED
        ledger.begin_step()
        ledger.add(_guarded_step(session))
        if not (ledger.is_due or _is_stop(progress.step, config)):
            continue
        rows, is_asked = ledger.settle(journal.wants_stop())
        good = whole_rows(rows)
        if session.held_out and _due(progress.step, config.validate_every, config.max_steps):
            rows[-1]["validation_loss"] = session.held_out_loss()
        journal.steps(good)
        refuse_nonsense(rows, _last_step(journal.run))
        _now_and_then(session, journal)
        if _no_better(session, rows[-1].get("validation_loss")):
            return f"No better held-out loss in {config.patience} measurements: ended early."
    return FINISHED


def _is_stop(step: int, config: FinetuneConfig) -> bool:
    """Whether something is to be done after this step, for which its figures must be known."""
    every = (config.validate_every, config.save_every, config.sample_every)
    return step >= config.max_steps or any(_due(step, each, 0) for each in every)


def _agreed(session: Session, wish: bool) -> bool:
    """Whether any process was asked: all end after the same step, or they would wait for ever."""
    accelerator = session.accelerator
    if accelerator.num_processes == 1:
        return wish
    import torch

    asked = torch.tensor(float(wish), device=accelerator.device)
    return accelerator.reduce(asked, reduction="sum").item() > 0


def _guarded_step(session: Session) -> Taken:
    with out_of_memory(session.config, f"at step {session.progress.step + 1}"):
        return take_step(session)


@contextmanager
def out_of_memory(config: FinetuneConfig, when: str) -> Iterator[None]:
    """Say which setting to lower when memory runs out."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error).lower():
            raise
        raise RunError(
            f"Out of memory {when}. Lower the batch size ({config.batch_size} now; gradient "
            "accumulation makes up for it) or switch gradient checkpointing on, and resume."
        ) from error


def _due(step: int, every: int, last: int) -> bool:
    return bool(every) and (step % every == 0 or step == last)


def _now_and_then(session: Session, journal: Journal) -> None:
    """Save and sound what is due or was asked for."""
    config, step = session.config, session.progress.step
    if journal.wants(SAVE_NOW) or (journal.writes and _due(step, config.save_every, 0)):
        _save(session, journal)
    asked = journal.wants(SAMPLE_NOW)
    if asked or (journal.writes and _due(step, config.sample_every, config.max_steps)):
        journal.say("Making sample clips.", step=step)
        with session.listening() as pipeline:
            session.listener.render(pipeline, journal.run / SAMPLES, step)


def _no_better(session: Session, loss: float | None) -> bool:
    """Whether the held-out loss has not fallen for too long."""
    progress = session.progress
    if loss is None:
        return False
    if progress.best_loss is None or loss < progress.best_loss:
        progress.best_loss, progress.without_better = loss, 0
    else:
        progress.without_better += 1
    return bool(session.config.patience) and progress.without_better >= session.config.patience


def _save(session: Session, journal: Journal) -> None:
    journal.say(f"Saving step {session.progress.step}.", step=session.progress.step)
    keep = session.config.keep_checkpoints
    save_checkpoint(journal.run / CHECKPOINTS, session.trained, session.progress, keep)


def _last_step(run: Path) -> int:
    found = checkpoints(run / CHECKPOINTS)
    return int(found[-1].name.removeprefix("step-")) if found else 0


def _write_model(session: Session, run: Path) -> None:
    """The pipeline folder, and beside it the LoRA if that is what was trained."""
    with writing(), session.averaged():
        if session.config.lora_rank:
            keep_lora(session.pipeline, run / "lora")
        save_model(
            session.pipeline,
            run / MODEL,
            session.listener.codec,
            session.vocabulary(),
            session.is_aligned,
        )
        if session.raga:
            session.raga.save(run / MODEL)
    write_card(session, run)


def _full_disk(error: OSError, journal: Journal) -> RunError:
    told = RunError(
        f"The run's folder could not be written ({error.strerror or error}). Make room on the "
        "disk; then resume from the last checkpoint."
    )
    try:
        journal.end("failed", _last_step(journal.run), str(told))
    except OSError:
        log.warning("Its status could not be written either.")
    return told


if __name__ == "__main__":
    from tyro.conf import OmitArgPrefixes, configure

    from core.command import run

    run(configure(OmitArgPrefixes)(finetune))
