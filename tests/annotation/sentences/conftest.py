import pytest

from alignbench.annotation.sentences.splitter import SentenceSplitter


@pytest.fixture(scope="session")
def splitter() -> SentenceSplitter:
    return SentenceSplitter()
