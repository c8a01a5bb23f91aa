"""Verifying a release of either kind: of sentences, or of questions."""

from pathlib import Path

from alignbench.release.questions.verify import verify_questions
from alignbench.release.verify.report import VerifyReport
from alignbench.release.verify.verify import verify as verify_sentences
from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.folder import open_release
from alignbench.release_format.layout import CHECKSUMS, MANIFEST
from alignbench.release_format.question_manifest import is_of_questions


def verify(address: str | Path, *, every_image: bool = False) -> VerifyReport:
    """Checks a release, of sentences or of questions, from its files alone.

    Args:
        address: Its folder, or its `s3://bucket/prefix`.
        every_image: Whether the perceptual hash of every image of a release of sentences is
            computed again, and not that of a sample.

    Returns:
        Every broken rule, with file and row. A release whose report is `ok` is complete, unchanged
        and consistent.

    Raises:
        NotAReleaseError: There is nothing at that address, or nothing of a release.
    """
    folder = open_release(str(address))
    if not ({CHECKSUMS, MANIFEST} & folder.sizes.keys() or folder.shards):
        raise NotAReleaseError(
            f"{address} holds no release: neither {MANIFEST} nor data is there.",
            "Name the release's own folder, such as releases/NAME/VERSION of a workspace.",
        )
    if is_of_questions(folder):
        return verify_questions(folder)
    return verify_sentences(address, every_image=every_image)
