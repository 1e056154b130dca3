"""Stage 5, what a dataset says of itself: README.md for people, manifest.json for programs.

Both are made of the rows alone and carry no date, so the same inputs give the same bytes. The
manifest is written last and lists every file with its hash: where it is, the dataset is complete.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import DatasetError
from core.metadata import Row
from core.recipe import ExportConfig
from core.records import RESTRICTED
from core.shards import hash_of
from core.splits import SPLITS

FORMAT = 1
MANIFEST, CARD, WITHHELD = "manifest.json", "README.md", "restricted.jsonl"
NOT_OF_THE_RESULT = ("workers", "scheduler", "overwrite")  # how it was made, not what it is

Rows = Mapping[str, Sequence[Row]]  # by split


@dataclass(frozen=True)
class About:
    """What a dataset is made of, beside its rows."""

    config: dict  # every setting that changes the result
    codec: dict  # the codec's parameters, without a tonic
    splits: dict[str, str]  # of each recording id
    notes: tuple[str, ...]
    withheld: int = 0  # restricted clips that are named but not here

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.config["name"]


def settings_of(config: ExportConfig) -> dict:
    """The configuration, without what does not change the result."""
    settings = {k: v for k, v in asdict(config).items() if k not in NOT_OF_THE_RESULT}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}


def write_manifest(folder: Path, about: About, rows: Rows) -> None:
    """List every file of the finished `folder` with its hash."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        "format": FORMAT,
        "config": about.config,
        "codec": about.codec,
        "clips": {split: len(rows[split]) for split in SPLITS if rows.get(split)},
        **({"withheld": about.withheld} if about.withheld else {}),
        "splits": dict(sorted(about.splits.items())),
        "notes": list(about.notes),
        "files": {str(path.relative_to(folder).as_posix()): hash_of(path) for path in files},
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict:
    """The manifest of a finished dataset.

    Raises
    ------
    DatasetError
        If `folder` holds no finished dataset.
    """
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(
            f"{folder} is no finished dataset: it has no {MANIFEST}. Export it again."
        ) from None
    except json.JSONDecodeError as error:
        raise DatasetError(f"{folder / MANIFEST} is damaged ({error}). Export it again.") from None


def about_of(manifest: Mapping) -> About:
    """What a manifest says of its dataset."""
    return About(
        manifest["config"], manifest["codec"], manifest["splits"], tuple(manifest["notes"])
    )


def write_card(folder: Path, about: About, rows: Rows) -> None:
    """Describe the dataset: sources, hours, histograms, splits, parameters, rights, rebuilding."""
    every = [row for split in SPLITS for row in rows.get(split, ())]
    parts = (
        _front_matter(about, rows, every),
        f"# {about.name}\n\n{_summary(about, rows, every)}",
        "\n".join(f"- {note}" for note in about.notes),
        "## What it holds\n\n"
        + "\n\n".join(_histogram(name, rows) for name in ("section", "raga")),
        "## Where it comes from\n\n" + _sources(every),
        "## Rights\n\n" + _rights(about, every),
        "## Parameters\n\n"
        + _table(("parameter", "value"), [*about.codec.items(), *about.config.items()]),
        "## Rebuild it\n\n" + _rebuild(about),
    )
    text = "\n\n".join(part for part in parts if part) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8")


def _front_matter(about: About, rows: Rows, every: Sequence[Row]) -> str:
    files = "".join(
        f"  - split: {split}\n    path: {split}/*\n" for split in SPLITS if rows.get(split)
    )
    rights = sorted({str(row["rights"]) for row in every})
    licence = rights[0] if len(rights) == 1 and rights[0].startswith("cc-") else "other"
    configs = f"configs:\n- config_name: default\n  data_files:\n{files}" if files else ""
    return (
        f"---\npretty_name: {json.dumps(about.name)}\nlicense: {licence}\n"
        f"tags:\n- carnatic\n- music\n- spectrogram\n{configs}---"
    )


def _summary(about: About, rows: Rows, every: Sequence[Row]) -> str:
    hours = sum(float(row["end_s"]) - float(row["start_s"]) for row in every) / 3600
    split = ", ".join(f"{len(rows[split])} {split}" for split in SPLITS if rows.get(split))
    what = "clips" if about.config["format"] == "audiofolder" else "spectrograms"
    return (
        f"{len(every)} {what} of Carnatic music ({hours:.2f} hours) from "
        f"{len({row['recording_id'] for row in every})} recordings, captioned in words"
        f"{f': {split}' if split else ''}. No recording is in two splits.\n\n"
        f"```python\nfrom datasets import load_dataset\n\n{_loading(about)}\n```\n\n"
        'In the table, "" means: not known. Times are seconds from the start of the recording.'
    )


def _loading(about: About) -> str:
    if about.config["format"] == "webdataset":
        files = f'{{"train": "{about.name}/train/*.tar"}}'
        return f'clips = load_dataset("webdataset", data_files={files})'
    kind = "audiofolder" if about.config["format"] == "audiofolder" else "imagefolder"
    return f'clips = load_dataset("{kind}", data_dir="{about.name}")'


def _histogram(name: str, rows: Rows) -> str:
    counted = {split: Counter(str(row[name]) for row in rows.get(split, ())) for split in SPLITS}
    total = sum(counted.values(), Counter())
    lines = [
        (value or "(not known)", *(counted[split][value] for split in SPLITS))
        for value, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))
    ]
    return _table((name, *SPLITS), lines)


def _sources(every: Sequence[Row]) -> str:
    counted = Counter(
        (str(row["recording_id"]), str(row["title"]), str(row["source"]), str(row["rights"]))
        for row in every
    )
    lines = [(*key, n) for key, n in sorted(counted.items())]
    return _table(("recording", "title", "source", "rights", "clips"), lines)


def _rights(about: About, every: Sequence[Row]) -> str:
    restricted = sum(row["rights"] == RESTRICTED for row in every)
    if about.withheld:
        return (
            f"**{about.withheld} further clips are restricted and not here.** A spectrogram can be "
            f"turned back into sound, so it is sound. `{WITHHELD}` names each of them: recording, "
            "source, times, annotations, caption and the hash of its picture. Whoever may use the "
            "recordings can rebuild them (below). What is here may be handed on under the rights "
            "named above; the annotations of all clips too."
        )
    if restricted:
        return (
            f"**{restricted} of {len(every)} clips are restricted.** A spectrogram can be turned "
            "back into sound, so it is sound: do not publish this folder. `python -m core.publish` "
            "leaves the restricted clips out and names where to find them instead."
        )
    return "Every clip may be handed on under the rights named above."


def _rebuild(about: About) -> str:
    if about.withheld:
        return (
            "Bring the recordings named in the table into a workspace (`python -m core.download`), "
            f"then, beside this card:\n\n```\npython -m core.export --rebuild {CARD}\n```\n\n"
            "It draws the restricted clips again from your copies and checks each against its hash."
        )
    return (
        f"With the same library and audio the same settings (`config` of {MANIFEST}) give the same "
        f"bytes; they begin\n\n```\npython -m core.export --name {about.name} --preset "
        f"{about.config['preset']} --template {about.config['template']}\n```"
    )


def _table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    rule = ["---"] * len(head)
    cells = [[_cell(value) for value in line] for line in (head, rule, *lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _cell(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "\\|").split())
