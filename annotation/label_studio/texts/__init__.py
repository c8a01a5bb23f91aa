"""What annotators read, one file a language, and the reader of those files.

To add a language, copy `en.toml`, translate it, and name the copy: `[annotation] language` takes a
language that comes along (`zh`) or the path of a file (`guidelines/de.toml`).
"""

from alignbench.annotation.label_studio.texts.annotator_texts import (
    ENGLISH,
    AnnotatorTexts,
    CaptionTexts,
    MeaningTexts,
    RatingTexts,
    TypeTexts,
    VariantTexts,
    VerdictTexts,
    annotator_texts,
    languages,
)

__all__ = [
    "ENGLISH",
    "AnnotatorTexts",
    "CaptionTexts",
    "MeaningTexts",
    "RatingTexts",
    "TypeTexts",
    "VariantTexts",
    "VerdictTexts",
    "annotator_texts",
    "languages",
]
