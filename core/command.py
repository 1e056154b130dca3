"""How a stage becomes a command: its signature is the command line, its errors are one line."""

import logging
import sys
from collections.abc import Callable, Mapping

from core.errors import StudioError


def run(
    main: Callable[..., object] | Mapping[str, Callable[..., object]],
    arguments: list[str] | None = None,
    *,
    positional: bool = False,
) -> None:
    """Call `main` with what the command line says, by its signature.

    Several functions by name become subcommands. With `positional`, what has no default is given by
    its place instead of its name. Text that is returned goes to standard output. A
    `StudioError` becomes one line on standard error and exit status 2; any other exception is a bug
    and keeps its traceback.
    """
    import tyro  # here, so that a stage used as a library does not pay for its command line

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        config = (tyro.conf.PositionalRequiredArgs,) if positional else ()
        if isinstance(main, Mapping):
            subcommands = dict(main)
            answer = tyro.extras.subcommand_cli_from_dict(
                subcommands, args=arguments, config=config
            )
        else:
            answer = tyro.cli(main, args=arguments, config=config)
    except StudioError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    if isinstance(answer, str):
        sys.stdout.write(f"{answer}\n")


def progress_bar(total: float, unit: str, what: str):
    """A tqdm bar on standard error for a stage run by hand."""
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, desc=what, dynamic_ncols=True)
