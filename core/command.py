"""How a stage becomes a command: its signature is the command line, its errors are one line."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from core.errors import StudioError


def run(
    main: Callable[..., object] | Mapping[str, Callable[..., object]],
    arguments: list[str] | None = None,
    *,
    positional: bool = False,
    lines: bool = False,
) -> None:
    """Call `main` with what the command line says, by its signature.

    Several functions by name become subcommands. With `positional`, what has no default is given by
    its place instead of its name. Text that is returned goes to standard output. A
    `StudioError` becomes one line on standard error and exit status 2 (with `lines`, as many lines
    as it has: a file's faults are read one by one); any other exception is a bug and keeps its
    traceback.
    """
    import tyro  # here, so that a stage used as a library does not pay for its command line

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    from tyro._errors import on_parse_error  # it has no public name; tyro's version is pinned

    try:
        config = (tyro.conf.PositionalRequiredArgs,) if positional else ()
        with on_parse_error(_one_line):
            if isinstance(main, Mapping):
                answer = tyro.extras.subcommand_cli_from_dict(
                    dict(main), args=arguments, config=config
                )
            else:
                answer = tyro.cli(main, args=arguments, config=config)
    except StudioError as error:
        said = str(error).splitlines() if lines else [str(error)]
        told = "\n  ".join(" ".join(line.split()) for line in said)
        sys.stderr.write(f"error: {told}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    if isinstance(answer, str):
        sys.stdout.write(f"{answer}\n")


def _one_line(event) -> None:
    """Say what a settings class refused as any other mistake is said, instead of in a box."""
    if type(event).__name__ == "InstantiationFailure":
        raise StudioError(str(event.message))


def progress_bar(total: float, unit: str, what: str):
    """A tqdm bar on standard error for a stage run by hand."""
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, desc=what, dynamic_ncols=True)


@contextmanager
def told(what: str) -> Iterator[Callable[[float, str], object]]:
    """A bar that shows the share done and, in words, what is being done."""
    with progress_bar(1.0, "", what) as bar:
        bar.bar_format, bar.leave = "{desc}: {percentage:3.0f}% |{bar}| {postfix}", False

        def tell(share: float, words: str) -> None:
            bar.set_postfix_str(words, refresh=False)
            bar.update(max(0.0, share - bar.n))

        yield tell
