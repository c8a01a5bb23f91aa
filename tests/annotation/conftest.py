import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from alignbench.annotation.label_studio.accounts import create_annotator, token_of
from alignbench.annotation.label_studio.server import LabelStudioServer, connect
from tests.fixtures.services import EmbeddedLabelStudio

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server(label_studio: EmbeddedLabelStudio) -> LabelStudioServer:
    """The real Label Studio, through the operator's account."""
    return connect(label_studio.url, label_studio.token)


@pytest.fixture
def root(label_studio: EmbeddedLabelStudio) -> Path:
    """A folder for a workspace whose images the real Label Studio may show."""
    return label_studio.root / "blobs" / f"workspace-{os.getpid()}-{next(_numbers)}"


@pytest.fixture(scope="session")
def annotator_tokens(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer
) -> Callable[[str], str]:
    """Gives the API token of an annotator by name, with an account made at first use."""
    tokens: dict[str, str] = {}

    def token(name: str) -> str:
        if name not in tokens:
            email = f"{name}@example.org"
            if email not in server.annotators().values():
                create_annotator(label_studio.url, server.invitation(), email, "a long password")
            tokens[name] = token_of(label_studio.url, email, "a long password")
        return tokens[name]

    return token
