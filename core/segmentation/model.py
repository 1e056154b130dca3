"""The model: who leads, which section, how much mridangam; arrays in one npz, words in its JSON.

    Heard --Model.say--> Said    probabilities of leads and sections, and how strange it all is

`assets/segmentation/model.npz` is shipped; a workspace's own is models/segmentation.npz. No pickle:
`numpy.load(..., allow_pickle=False)`. Beside the networks lies a sample of the rows they learned
from, so that learning from a user's recordings does not forget the rest.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scipy.ndimage import uniform_filter1d

from core.errors import ModelError
from core.records import SECTIONS
from core.segmentation.context import features, near
from core.segmentation.fitting import Rows
from core.segmentation.listening import VERSION, Heard
from core.segmentation.network import Network
from core.segmentation.statistics import measured
from core.workspace import ASSETS, Workspace, replacing

SHIPPED = ASSETS / "segmentation" / "model.npz"
FREE = "alapanai"  # what the section network calls a violin passage too
SOME_VOICE = 0.25  # of all led seconds; below it the violin is the lead
_FAMILIES = (("kriti", "neraval", "kalpanaswaram", "tillana"), ("alapanai", "tanam", "viruttam"))
_LEADS = ("voice", "violin", "nobody")
_LEAD_SPAN_S = 7
LIKE_LESSONS = 0.3  # mean strangeness of a recording, up to which it may be any lesson
_STEP = 16.0  # rows kept are whole sixteenths of a standard deviation, in a byte


@dataclass(frozen=True)
class Said:
    """What the model says of each second.

    leads : np.ndarray [shape=(n_seconds, 3)], probabilities of voice, violin, nobody
    sections : np.ndarray [shape=(n_seconds, 12)], of SECTIONS in their order
    strangeness : np.ndarray [shape=(n_seconds,)], above 1 outside what it learned from
    """

    leads: np.ndarray
    sections: np.ndarray
    strangeness: np.ndarray


@dataclass(frozen=True)
class Model:
    """Everything that is learned.

    drum : np.ndarray, weights of the mridangam's level, the last the bias
    trust : (offset, slope of the logit, slope of strangeness) of a segment's confidence
    kept : rows of the lessons that are learned from again with what is new
    about : what it was trained on and what was measured, for people
    """

    lead: Network
    section: Network
    drum: np.ndarray
    trust: tuple[float, float, float]
    kept: Rows
    about: dict = field(default_factory=dict)

    def say(
        self, heard: Heard, hidden: np.ndarray | None = None, moved: np.ndarray | None = None
    ) -> Said:
        """Listen second by second.

        Parameters
        ----------
        hidden : np.ndarray [shape=(n_features,), bool]
            Features it shall not see.
        moved : np.ndarray [shape=(n_features,)]
            Standard deviations by which all it sees is off, as in a hall of another kind.
        """
        leads = in_order(self.lead.probabilities(near(heard)), self.lead.classes, _LEADS)
        seen = features(heard, leads)
        if hidden is not None:
            seen = np.where(hidden, self.section.mean, seen)
        if moved is not None:
            seen = seen + moved * self.section.scale
        sections = in_order(self.section.probabilities(seen), self.section.classes, SECTIONS)
        strangeness = self.section.strangeness(seen)
        sections = _sobered(sections, max(0.0, float(strangeness.mean()) - LIKE_LESSONS))
        return Said(leads, _with_violin(sections, leads), strangeness)

    def save(self, path: Path) -> None:
        """Write it as one npz; all of it or nothing."""
        z = np.round(_STEP * self.section.standard(self.kept.x)).astype(np.int8)
        names = sorted(set(self.kept.y.tolist()))
        with replacing(path) as part:
            np.savez_compressed(
                part,
                **self.lead.arrays("lead"),
                **self.section.arrays("section"),
                drum=self.drum.astype(np.float32),
                trust=np.array(self.trust),
                kept_z=z,
                kept_y=np.array([names.index(name) for name in self.kept.y.tolist()], np.uint8),
                kept_names=np.array(names),
                kept_of=self.kept.of.astype(np.int32),
                kept_weight=self.kept.weight.astype(np.float16),
                version=VERSION,
                about=np.frombuffer(json.dumps(self.about).encode(), np.uint8),
            )

    @classmethod
    def load(cls, path: Path) -> "Model":
        """The inverse of `save`.

        Raises
        ------
        ModelError
            If the file is missing, damaged or of another version.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                if int(arrays["version"]) != VERSION:
                    raise ModelError(
                        f"{Path(path).name} was learned from other measures than this version "
                        "takes. Train it again: python -m core.segmentation train."
                    )
                return cls._of(arrays)
        except ModelError:
            raise
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ModelError(
                f"No segmentation model can be read at {path} ({error}). Delete the file to go "
                "back to the shipped one."
            ) from error

    @classmethod
    def _of(cls, arrays: Mapping[str, np.ndarray]) -> "Model":
        section = Network.of_arrays(arrays, "section")
        names = arrays["kept_names"]
        kept = Rows(
            section.mean + section.scale * arrays["kept_z"].astype(np.float32) / _STEP,
            names[arrays["kept_y"]],
            arrays["kept_of"],
            arrays["kept_weight"].astype(np.float64),
        )
        return cls(
            Network.of_arrays(arrays, "lead"),
            section,
            arrays["drum"].astype(np.float64),
            tuple(arrays["trust"].tolist()),
            kept,
            json.loads(arrays["about"].tobytes()),
        )


def _sobered(sections: np.ndarray, strange: float) -> np.ndarray:
    """Tell sections of a family apart the less, the stranger the recording.

    Free and metrical song and drumming differ in any hall. What differs within a family (a line
    that returns, how dense its words are) was learned from synthesised singers only, so in a
    recording unlike theirs it is tempered, and how common each section is in real concerts counts.
    """
    shares = np.exp(measured().shares)
    sobered = sections.copy()
    for family in _FAMILIES:
        columns = [SECTIONS.index(name) for name in family]
        part = sections[:, columns]
        within = part ** (1 / (1 + 2 * strange)) * shares[columns] ** min(1.0, 1.5 * strange)
        within /= within.sum(axis=1, keepdims=True) + 1e-12
        sobered[:, columns] = part.sum(axis=1, keepdims=True) * within
    return sobered


def _with_violin(sections: np.ndarray, leads: np.ndarray) -> np.ndarray:
    """Share what is free melody between alapanai and violin, by who leads.

    The section network is taught both as one: they differ in nothing but the instrument, which the
    lead classifier tells from far more examples. Without a voice the violin is the singer.
    """
    share = uniform_filter1d(leads, _LEAD_SPAN_S, axis=0, mode="nearest")
    violin = share[:, 1] / (share[:, 0] + share[:, 1] + 0.1)
    if leads[:, 0].sum() < SOME_VOICE * leads[:, :2].sum():
        violin = np.zeros(len(leads))
    free, bowed = SECTIONS.index(FREE), SECTIONS.index("violin")
    shared = sections.copy()
    shared[:, bowed] = sections[:, free] * violin
    shared[:, free] = sections[:, free] * (1 - violin)
    return shared


def own(workspace: Workspace) -> Path:
    """Where the workspace keeps what it learned."""
    return workspace.models() / "segmentation.npz"


def current(workspace: Workspace | None = None) -> Model:
    """The workspace's own model if it has one, else the shipped one."""
    if workspace is not None and own(workspace).exists():
        return Model.load(own(workspace))
    return Model.load(SHIPPED)


def in_order(p: np.ndarray, classes: tuple[str, ...], wanted: tuple[str, ...]) -> np.ndarray:
    """Columns in the wanted order; what a network has never met has probability 0."""
    found = np.zeros((len(p), len(wanted)))
    for column, name in enumerate(classes):
        found[:, wanted.index(name)] = p[:, column]
    return found
