import pytest

from annotation.sentences.splitter import SentenceSplitter


@pytest.fixture(scope="session")
def splitter() -> SentenceSplitter:
    return SentenceSplitter()
