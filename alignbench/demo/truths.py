"""What is true of the demo's sentences, for the simulated annotators to know.

Photographs have an answer key that was written by hand, drawn scenes are known exactly, and what a
model drew is read from its pixels: a sentence is undecidable where they cannot be read.
"""

from functools import cache
from pathlib import Path

from alignbench.demo.inputs import drawn_scenes
from alignbench.scenes.oracle import truth_of
from alignbench.scenes.photographs import answer_key, sentence_truth
from alignbench.scenes.pixels import Reading, read_pixels
from alignbench.scenes.truth import SentenceTruth
from alignbench.schemas.ids import sha256_hex
from alignbench.schemas.rows.generation import Sentence
from alignbench.schemas.tables import IMAGES
from alignbench.workspace.workspace import Workspace


class Truths:
    """Knows the right answer for each sentence of the demo's workspace, a local folder."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._blobs = {row.image_id: row.blob for row in workspace.table(IMAGES).rows()}
        self._scenes = {
            sha256_hex(path.read_bytes()): scene
            for path, scene in drawn_scenes(Path(workspace.url)).items()
        }
        self._reading = cache(self._read)

    def of(self, sentence: Sentence) -> SentenceTruth:
        """Gives the right answer for a sentence."""
        key = answer_key().get((sentence.model, sentence.text_sha256))
        if key is not None:
            return sentence_truth(key, sentence.start, sentence.end)
        scene = self._scenes.get(sentence.image_id)
        return truth_of(scene or self._reading(sentence.image_id), sentence.text)

    def _read(self, image_id: str) -> Reading:
        return read_pixels(self._workspace.store.read(self._blobs[image_id]))
