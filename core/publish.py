"""Stage 5, handing on: a dataset for others, on disk or on the Hugging Face Hub.

A spectrogram can be turned back into sound, so it is sound. Of a recording whose rights are not
open, what leaves is who, where, when, the words and a hash (`restricted.jsonl`): enough to make the
same pictures from one's own copy, and nothing to listen to. Only files that the dataset's own table
names are copied, so nothing that lies about in the folder can leave with them.
"""

import hashlib
import json
import logging
import tarfile
import tempfile
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from pathlib import Path

from core.datacard import (
    WITHHELD,
    Rows,
    about_of,
    read_manifest,
    write_card,
    write_manifest,
)
from core.errors import DatasetError
from core.formats import arrange
from core.metadata import Row, read_metadata
from core.records import RESTRICTED
from core.splits import SPLITS
from core.workspace import Workspace, replacing

log = logging.getLogger(__name__)


def release(folder: Path, out: Path, restricted: Set[str] = frozenset()) -> dict:
    """Write into `out` what may be handed on of the dataset in `folder`; return its manifest.

    Parameters
    ----------
    restricted : recording ids that are restricted by now, whatever the dataset's rows say.

    Raises
    ------
    DatasetError
        If the dataset is unfinished or its files are not the ones its manifest lists.
    """
    manifest = read_manifest(folder)
    if manifest.get("withheld"):
        raise DatasetError(
            f"{folder.name} is a release already; rebuild it or release the dataset it came from."
        )
    layout = manifest["config"]["format"]
    opened: dict[str, list[Row]] = {}
    withheld: list[dict] = []
    with replacing(out) as part:
        part.mkdir()
        for split, row, content in clips_in(folder, layout):
            _check(folder, manifest, split, row, content)
            row = row | {"file_name": Path(str(row["file_name"])).name}
            if _is_withheld(row, restricted):
                digest = hashlib.sha256(content).hexdigest()
                row["rights"] = RESTRICTED
                withheld.append({"split": split, "sha256": digest, **row})
                continue
            (part / split).mkdir(exist_ok=True)
            (part / split / str(row["file_name"])).write_bytes(content)
            opened.setdefault(split, []).append(row)
        _describe(part, manifest, opened, withheld)
    return read_manifest(out)


def clips_in(folder: Path, layout: str) -> Iterator[tuple[str, Row, bytes]]:
    """Every clip of a dataset: split, row and the bytes of its picture or sound."""
    if layout == "webdataset":
        for split in SPLITS:
            for path in sorted((folder / split).glob("*.tar")):
                with tarfile.open(path) as tar:
                    members = tar.getmembers()
                    for picture, _, table in zip(*[iter(members)] * 3, strict=True):
                        row = json.loads(tar.extractfile(table).read())
                        yield split, row, tar.extractfile(picture).read()
        return
    for split, rows in read_metadata(folder).items():
        for row in rows:
            yield split, row, (folder / split / str(row["file_name"])).read_bytes()


@dataclass(frozen=True)
class Pushed:
    """Where a dataset is on the Hub, and how many clips it names but does not hold."""

    address: str
    withheld: int


def push(
    folder: Path, repo_id: str, restricted: Set[str] = frozenset(), private: bool = True
) -> Pushed:
    """Upload what may be handed on to the Hub as the dataset `repo_id`.

    The token is the environment's ($HF_TOKEN) or the signed-in user's (`hf auth login`).
    """
    from httpx2 import HTTPError  # what huggingface_hub speaks through
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder.parent) as place:
        out = Path(place) / folder.name
        manifest = release(folder, out, restricted)
        try:
            api = HfApi(library_name="carnatic-riffusion-studio")
            address = api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
            api.upload_folder(
                repo_id=repo_id,
                repo_type="dataset",
                folder_path=out,
                commit_message=f"Export of {folder.name}",
            )
        except (HFValidationError, LocalTokenNotFoundError) as error:
            raise DatasetError(f"The Hub cannot take {repo_id!r}: {error}") from error
        except (HfHubHTTPError, HTTPError, OSError) as error:
            raise DatasetError(
                f"The Hub did not take {repo_id!r} ({error}). Check the name, that $HF_TOKEN may "
                "write there and the connection, then push again: what arrived is not sent twice."
            ) from error
    return Pushed(str(address), manifest.get("withheld", 0))


def _check(folder: Path, manifest: dict, split: str, row: Row, content: bytes) -> None:
    """Refuse a file that changed since the export: its row may speak of something else."""
    if manifest["config"]["format"] == "webdataset":
        return  # the tar as a whole is listed
    name = f"{split}/{row['file_name']}"
    if manifest["files"].get(name) != hashlib.sha256(content).hexdigest():
        raise DatasetError(
            f"{folder.name}/{name} is not the file that was exported. Export the dataset again."
        )


def _describe(part: Path, manifest: dict, opened: Rows, withheld: list[dict]) -> None:
    about = replace(about_of(manifest), withheld=len(withheld))
    arrange(part, manifest["config"]["format"], opened)
    if withheld:
        lines = (json.dumps(row, ensure_ascii=False) for row in withheld)
        (part / WITHHELD).write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_card(part, about, opened)
    write_manifest(part, about, opened)


def _is_withheld(row: Row, restricted: Set[str]) -> bool:
    return row["rights"] == RESTRICTED or row["recording_id"] in restricted


def restricted_now(library) -> frozenset[str]:
    """The recordings that may not be handed on, as the library says today."""
    return frozenset(r.id for r in library.recordings() if not r.is_open)


def main(
    name: str,
    repo: str | None = None,
    out: Path | None = None,
    public: bool = False,
    workspace: Path | None = None,
) -> None:
    """Hand on a dataset: to the Hub (--repo), or into a folder for others (--out).

    Args:
        name: the dataset's name in the workspace.
        repo: where on the Hub, such as me/my-dataset; private unless --public.
        out: a folder to write instead of uploading.
        public: let everybody see it on the Hub.
        workspace: the folder that holds everything; $STUDIO_WORKSPACE or workspace/ if not given.
    """
    from core.library import Library

    place = Workspace.at(workspace)
    folder, restricted = place.dataset(name), restricted_now(Library.of(place))
    if (repo is None) == (out is None):
        raise DatasetError("Say where to: either --repo me/my-dataset or --out some/folder.")
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # each request would be a line
    if repo:
        pushed = push(folder, repo, restricted, private=not public)
        log.info("%s, %d clips withheld", pushed.address, pushed.withheld)
        return
    if out.exists():
        raise DatasetError(f"{out} exists. Choose a folder that does not.")
    manifest = release(folder, out, restricted)
    log.info("%s, %d withheld, in %s", manifest["clips"], manifest.get("withheld", 0), out)


if __name__ == "__main__":
    from core.command import run

    run(main)
