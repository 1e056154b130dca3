"""How a stage becomes a command: its signature is the command line, its errors are one line."""

import logging
import sys
from collections.abc import Callable

from core.errors import StudioError


def run(main: Callable[..., object], arguments: list[str] | None = None) -> None:
    """Call `main` with what the command line says, by its signature.

    A `StudioError` becomes one line on standard error and exit status 2; any other exception is a
    bug and keeps its traceback.
    """
    import tyro  # here, so that a stage used as a library does not pay for its command line

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        tyro.cli(main, args=arguments)
    except StudioError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def progress_bar(total: float, unit: str, what: str):
    """A tqdm bar on standard error for a stage run by hand."""
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, desc=what, dynamic_ncols=True)
