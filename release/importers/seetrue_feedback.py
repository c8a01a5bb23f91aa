"""SeeTRUE-Feedback: misaligned captions and images, with the wrong words and three feedbacks.

Source: Gordon et al., "Mismatch Quest" (ECCV 2024).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from alignbench.release.importing.mapping import refuse_mapping
from alignbench.release.importing.placing import place_words
from alignbench.release.importing.records import Entry, csv_entries
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import (
    ImageReference,
    ImportedCaption,
    ImportedSentence,
    ImportNotes,
    PublishedSet,
)
from alignbench.schemas.vocabulary import Direction, ImageType, Verdict

_CAPTIONED: Final = frozenset({"cococon"})
"""Parts of the set whose images are photographs that captions were written for."""


class SeeTrueFeedback:
    """Reads `SeeTRUE_Feedback.csv`. Every row is misaligned; its three feedbacks are no votes."""

    published: ClassVar[PublishedSet] = PublishedSet(
        "SeeTRUE-Feedback", "https://github.com/MismatchQuest/MismatchQuest", "Apache-2.0"
    )

    def __init__(self, mapping: Path | None) -> None:
        refuse_mapping("seetrue_feedback", mapping)
        self.mapping: Mapping[str, JsonValue] = {}

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields a caption for each row; wrong words that are not in it are named."""
        for path in files:
            for entry in csv_entries(path):
                yield self._caption(entry, notes)

    def _caption(self, entry: Entry, notes: ImportNotes) -> ImportedCaption:
        text, words = entry.get("image_caption", str), entry.get("caption_misalignment", str)
        placed = place_words(text, [words] if words.strip() else [])
        notes.count("rows")
        notes.count("rows with wrong words located", bool(placed.spans))
        notes.count("rows with wrong words not located", len(placed.missing))
        for missing in placed.missing:
            notes.name(entry.origin, "wrong words not in the caption", missing)
        part = entry.get("dataset_source", str)
        own = entry.own(
            "caption_misalignment", "visual_misalignment", "feedback", "feedback_clean",
            "bbox_GroundingDino", "bbox_PaLI", "id_in_source_dataset",
        )  # fmt: skip
        sentence = ImportedSentence(
            0,
            len(text),
            verdict=Verdict.INCORRECT,
            index=0,
            spans=placed.spans,
            own_labels={**own, "human_feedback": _feedbacks(entry)},
            flags=placed.flags,
        )
        drawn = part not in _CAPTIONED
        image = ImageReference(
            source=part,
            name=entry.get("image_name", str),
            url=entry.text("image_url"),
            image_type=ImageType.SYNTHETIC if drawn else ImageType.REAL,
        )
        direction = Direction.T2I if drawn else Direction.I2T
        return ImportedCaption(entry.origin, part, image, text, (sentence,), direction)


def _feedbacks(entry: Entry) -> JsonValue:
    """Returns the feedbacks of people as a list; as the text they are if it is none."""
    text = entry.text("human_feedback")
    try:
        found: JsonValue = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return text
    return found
