"""The embedded Label Studio's account: made at random once, readable by its owner only."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from alignbench.services.errors import CredentialsError
from alignbench.services.state import ServiceName, make_service_folder, service_folder

_USERNAME = "operator@localhost"


@dataclass(frozen=True)
class LabelStudioCredentials:
    """The operator's account on the embedded Label Studio.

    Attributes:
        username: What to log in with.
        password: And its password.
        token: The API token of that account.
        secret_key: The key that Label Studio signs sessions with.
    """

    username: str
    password: str = field(repr=False)
    token: str = field(repr=False)
    secret_key: str = field(repr=False)


def credentials_path(root: Path) -> Path:
    """Where the credentials of the workspace at `root` lie."""
    return service_folder(root, ServiceName.LABEL_STUDIO) / "credentials.json"


def read_credentials(root: Path) -> LabelStudioCredentials | None:
    """The stored credentials; None before the first start.

    Raises:
        CredentialsError: The file is there and cannot be understood.
    """
    path = credentials_path(root)
    try:
        return LabelStudioCredentials(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        # The cause is not chained: a parser's error may quote the file.
        raise CredentialsError(
            f"{path} does not hold Label Studio's credentials.",
            "Restore it from a backup, or move Label Studio's folder away to start with an "
            "empty one (its projects and answers go with it).",
        ) from None


def ensure_credentials(root: Path) -> LabelStudioCredentials:
    """The stored credentials, made first if there are none. Call it with the services' lock held.

    Raises:
        CredentialsError: The file is there and cannot be understood.
    """
    make_service_folder(root, ServiceName.LABEL_STUDIO)
    path = credentials_path(root)
    stored = read_credentials(root)
    if stored is not None:
        path.chmod(0o600)
        return stored
    made = LabelStudioCredentials(
        username=_USERNAME,
        password=secrets.token_urlsafe(18),
        token=secrets.token_hex(20),  # as long as Label Studio's own
        secret_key=secrets.token_urlsafe(48),
    )
    draft = path.with_suffix(".json.draft")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123
        json.dump(asdict(made), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return made
