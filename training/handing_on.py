"""Stage 6, handing on: a run's model to the Hugging Face Hub, on request.

    python -m training.handing_on --run RUN --repo-id user/name [--public]

What goes there: the pipeline folder with its card, `codec.json` and last samples; the LoRA beside
it if one was trained. Nothing of the dataset, the log or the checkpoints.
"""

from pathlib import Path

from core.errors import RunError
from training.card import CARD
from training.run_folder import MODEL

LORA = "lora"


def push_model(run: Path, repo_id: str, private: bool = True) -> str:
    """Upload what a run made; returns where it is.

    The token is the environment's ($HF_TOKEN) or the signed-in user's (`hf auth login`).

    Raises
    ------
    RunError
        If the run has no model yet, or the Hub refuses.
    """
    from httpx2 import HTTPError  # what huggingface_hub speaks through
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    if not (run / MODEL / CARD).exists():
        raise RunError(f"{run.name} has no finished model. Let it finish, or stop it, then push.")
    folders = [(run / MODEL, ".")] + ([(run / LORA, LORA)] if (run / LORA).is_dir() else [])
    try:
        api = HfApi(library_name="carnatic-riffusion-studio")
        address = api.create_repo(repo_id, repo_type="model", private=private, exist_ok=True)
        for folder, place in folders:
            api.upload_folder(
                repo_id=repo_id,
                repo_type="model",
                folder_path=folder,
                path_in_repo=place,
                commit_message=f"{place if place != '.' else 'Model'} of run {run.name}",
            )
    except (HFValidationError, LocalTokenNotFoundError) as error:
        raise RunError(
            f"{str(error).splitlines()[0]} Give user/name, and sign in first."
        ) from error
    except (HfHubHTTPError, HTTPError, OSError) as error:
        raise RunError(
            f"The Hub did not take {repo_id!r} ({str(error).splitlines()[0]}). Check the name, the "
            "token's right to write, and the network; what is there already is not sent again."
        ) from error
    return str(address)


def main(run: Path, repo_id: str, public: bool = False) -> str:
    """Push a run's model to the Hugging Face Hub.

    Args:
        run: the run's folder.
        repo_id: user/name on the Hub.
        public: let everyone see it; private if not said.
    """
    return push_model(run, repo_id, private=not public)


if __name__ == "__main__":
    from core.command import run as command

    command(main)
