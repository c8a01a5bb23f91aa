"""FaithScore: answers of vision-language models, cut into parts, and the facts they state.

Source: Jing et al., "FaithScore" (Findings of EMNLP 2024).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from alignbench.release.errors import ImportFileError
from alignbench.release.importing.mapping import read_labels, shown
from alignbench.release.importing.records import Entry, json_line_entries
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import (
    ImageReference,
    ImportedCaption,
    ImportedSentence,
    ImportNotes,
    PublishedSet,
)
from alignbench.schemas.vocabulary import RowFlag, Verdict


class FaithScore:
    """Reads `annotation.jsonl`.

    Of a part the set says whether it describes the image, not whether it is right: parts are rows
    of the model `parts`, *unknown* and flagged. Facts are rows of the model `facts`, each a text of
    its own, because the set reworded them.
    """

    published: ClassVar[PublishedSet] = PublishedSet(
        "FaithScore", "https://github.com/bcdnlp/FAITHSCORE", "MIT"
    )

    def __init__(self, mapping: Path | None) -> None:
        self._labels = read_labels("faithscore.toml", mapping)
        self.mapping: Mapping[str, JsonValue] = {
            f"fact {label}": meaning for label, meaning in shown(self._labels).items()
        }

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields each answer with its parts, and each of its facts."""
        for path in files:
            for entry in json_line_entries(path):
                notes.count("answers")
                name = entry.get("id", str)
                also = (f"{name}.jpg", f"COCO_val2014_{name}.jpg", f"COCO_train2014_{name}.jpg")
                image = ImageReference(source="coco", name=name, also_named=also)
                answer = entry.get("answer", str)
                parts = tuple(_parts(entry, answer, notes))
                yield ImportedCaption(entry.origin, "parts", image, answer, parts)
                yield from self._facts(entry, image, notes)

    def _facts(
        self, entry: Entry, image: ImageReference, notes: ImportNotes
    ) -> Iterator[ImportedCaption]:
        for fact, label in entry.get("stage 2", dict).items():
            if str(label) not in self._labels:
                raise ImportFileError(
                    f"{entry.origin}: there is no label {label!r} in the mapping.",
                    "Add it to a mapping of your own, and give that to --mapping.",
                )
            notes.count("facts")
            ours = self._labels[str(label)]
            sentence = ImportedSentence(
                0,
                len(fact),
                verdict=ours.verdict,
                index=0,
                error_type=ours.error_type,
                own_labels={"stage 2": label},
            )
            yield ImportedCaption(entry.origin, "facts", image, fact, (sentence,))


def _parts(entry: Entry, answer: str, notes: ImportNotes) -> Iterator[ImportedSentence]:
    """Yields the parts of an answer, each behind the one before it; one that is not is named."""
    behind = 0
    for index, (part, label) in enumerate(entry.get("stage 1", dict).items()):
        text = part.strip()
        start = answer.find(text, behind)
        if start < 0 or not text:
            notes.name(entry.origin, "part not in its answer", part)
            continue
        behind = start + len(text)
        notes.count("parts")
        yield ImportedSentence(
            start,
            behind,
            verdict=Verdict.UNKNOWN,
            index=index,
            own_labels={"stage 1": label},
            flags=(RowFlag.VERDICT_NOT_GIVEN,),
        )
