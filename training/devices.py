"""Stage 6, the GPUs of this machine, found without loading torch into the studio."""

import os
import re
import shutil
import subprocess

from core.errors import RunError


def gpus() -> tuple[str, ...]:
    """The numbers of the NVIDIA GPUs that may be used; none if there are none."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return tuple(each.strip() for each in allowed.split(",") if each.strip())
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    words = [program, "--query-gpu=index", "--format=csv,noheader"]
    try:
        told = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):  # a driver that does not answer: no GPU to use
        return ()
    return tuple(line.strip() for line in told.splitlines() if line.strip().isdigit())


def chosen(text: str | None) -> tuple[str, ...]:
    """What a person means by "0,1" or "0 1"; all there are if nothing is said."""
    said = (text or "").strip()
    if not said:
        found = gpus()
        return found if len(found) > 1 else ()
    if not re.fullmatch(r"\d+([,\s]+\d+)*", said):
        raise RunError(f"{said!r} names no GPUs. Say their numbers: 0 or 0,1; nothing means all.")
    numbers = tuple(dict.fromkeys(re.split(r"[,\s]+", said)))
    unknown = [each for each in numbers if each not in gpus()]
    if unknown:
        there = ", ".join(gpus()) or "none"
        raise RunError(f"There is no GPU {unknown[0]} here. There are: {there}.")
    return numbers
