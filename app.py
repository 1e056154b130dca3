"""Open the studio: `python app.py`. Also the entry of its Hugging Face Space."""

from pathlib import Path

from core.command import run


def main(
    workspace: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    share: bool = False,
    open_browser: bool = False,
) -> None:
    """Open the studio in a browser.

    Args:
        workspace: the folder that holds all you make; $STUDIO_WORKSPACE or workspace/ if not given.
        host: the address to listen at; this machine alone (127.0.0.1) if not given.
        port: the port; the first free one from 7860 on if not given.
        share: ask gradio for a public link; who comes by it may look and play, not train.
        open_browser: open the page in a browser at once.
    """
    from core.library import Library
    from core.workspace import Workspace
    from studio.access import share_openly
    from studio.build import build_studio, launch_settings  # gradio: only now, for --help's sake
    from studio.editor.setup import install_if_missing
    from studio.samples import SampleConcerts

    if share:
        share_openly()
    home = Workspace.at(workspace)
    library = Library.of(home)
    samples = SampleConcerts(home, library)
    samples.render_if_empty()
    install_if_missing()
    try:
        build_studio(home, library, samples).launch(
            server_name=host,
            server_port=port,
            share=share,
            inbrowser=open_browser,
            **launch_settings(home, library),
        )
    finally:
        samples.stop()


if __name__ == "__main__":
    run(main)
