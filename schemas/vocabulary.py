"""The words that tables, configuration and releases use as values."""

from enum import StrEnum
from typing import Final

ADJUDICATION_ROUND: Final = "adjudication"
"""The round of all adjudications: a sentence is decided once."""
RATING_ROUND: Final = "ratings"
"""The round in which answers to a sample of questions are rated, unless another is named."""
VARIANT_ROUND: Final = "variants"
"""The round in which questions in other words are checked, unless another is named."""


class Direction(StrEnum):
    """Which side of a pair was generated."""

    I2T = "i2t"
    """A caption was written for an image."""
    T2I = "t2i"
    """An image was made from a prompt."""


class ImageType(StrEnum):
    """Where an image comes from."""

    REAL = "real"
    SYNTHETIC = "synthetic"


class Verdict(StrEnum):
    """What an annotator, or a label, says of a sentence."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNKNOWN = "unknown"
    """Cannot be decided from this image: too vague, subjective, unreadable, outside the frame."""


class Meaning(StrEnum):
    """What somebody says of a question in other words, beside the one that it was written from."""

    SAME = "same"
    DIFFERENT = "different"
    """It asks something else, or gives an answer away that the other does not."""
    UNKNOWN = "unknown"
    """Cannot be decided, because either can be understood in several ways."""


class HallucinationType(StrEnum):
    """What kind of mistake a wrong span is. The paper's eight, and `other` as the escape."""

    ATTRIBUTE = "attribute"
    """Colour, size, material, state, pose or action of a thing that is there."""
    OBJECT = "object"
    """A thing that is there, named wrongly."""
    NUMBER = "number"
    """A wrong count."""
    LOCATION = "location"
    """A wrong place in the frame."""
    DIRECTION = "direction"
    """Wrong gaze, facing, pointing or motion."""
    TEXT = "text"
    """Writing misread."""
    RELATION = "relation"
    """Wrong placement of, or interaction between, two things."""
    ILLUSION = "illusion"
    """A thing with no counterpart in the image."""
    OTHER = "other"


class LabelMethod(StrEnum):
    """How the votes on a sentence become its verdict."""

    MAJORITY = "majority"
    """The most frequent verdict; a tie is unknown."""
    DAWID_SKENE = "dawid-skene"
    """The most probable verdict, given how each annotator errs (Dawid and Skene, 1979)."""
    SMOOTHED_DAWID_SKENE = "smoothed-dawid-skene"
    """The same, with error rates that stay away from 0 and 1 however few answers there are."""


PUBLISHED_LABEL: Final = "published"
"""`label_method` of an imported row: the label is what the set's publishers say, however they came
by it."""


class RowFlag(StrEnum):
    """What is to be known of how an imported row came about."""

    IMAGE_ID_FROM_LOCATOR = "image_id_from_locator"
    """Nobody had the image's bytes: `image_id` is a hash of its source and URL, path or name."""
    CAPTION_JOINED = "caption_joined"
    """The set has single sentences; `full_caption` is these, joined by spaces."""
    CAPTION_INCOMPLETE = "caption_incomplete"
    """Sentences of the caption are missing in the set."""
    SPANS_MISSING = "spans_missing"
    """The set names wrong words that are not in the sentence; `own_labels` has them."""
    SPANS_AMBIGUOUS = "spans_ambiguous"
    """Wrong words stand in the sentence several times; the first place is marked."""
    SPAN_CASE_DIFFERS = "span_case_differs"
    """Wrong words were found in other letters, capital or small, than the set has."""
    SPAN_INSIDE_WORD = "span_inside_word"
    """Wrong words were found only as a part of a longer word."""
    WORDS_SPLIT = "words_split"
    """The wrong words were one text, and were cut where it has separators."""
    VERDICT_NOT_GIVEN = "verdict_not_given"
    """The set does not say whether this is right; the verdict is *unknown*."""


class AnswerFlag(StrEnum):
    """What was put right in an annotator's answer, or is notable about it."""

    SPANS_MISSING = "spans_missing"
    """It says incorrect and marks nothing."""
    SPANS_DROPPED = "spans_dropped"
    """It marked spans and says something else than incorrect."""
    OFFSETS_REPAIRED = "offsets_repaired"
    """A span's text proved that it lies elsewhere than its offsets said."""
    SPANS_MERGED = "spans_merged"
    """Spans of one type overlapped."""
    NOTE_CLEANED = "note_cleaned"
    """The note held control characters."""
    WHOLE_SENTENCE = "whole_sentence"
    """It says that the sentence is wrong as a whole."""
    UNKNOWN_TOO = "unknown_too"
    """It says both that the sentence is wrong and that it cannot be decided."""
    MARK_CUT = "mark_cut"
    """A mark went over several sentences, and was cut where they end."""
    REFERENCE_SEEN = "reference_seen"
    """Its rater has looked at the reference."""
    KEPT = "kept"
    """It is no longer on the server, whose database was set back, and counts all the same."""


class ImageMode(StrEnum):
    """How a release gives its images, where their licence leaves the choice."""

    EMBEDDED = "embedded"
    URL = "url"
    BOTH = "both"


class ModelKind(StrEnum):
    """What a model of the catalog does."""

    CAPTIONER = "captioner"
    IMAGE_GENERATOR = "image_generator"
    DETECTOR = "detector"


class Purpose(StrEnum):
    """Why a sentence was sent to the annotators."""

    LABEL = "label"
    GOLD = "gold"
    ADJUDICATE = "adjudicate"


class TaskState(StrEnum):
    """How far a task has come: its intent is written before it is sent, then it is confirmed."""

    INTENDED = "intended"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    """On the server, and offered no more, since its sentence is there a second time."""


class AnnotationStatus(StrEnum):
    """What became of an annotation on the server."""

    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    DELETED = "deleted"
    WITHDRAWN = "withdrawn"
    """Its annotator has withdrawn: that there is an answer is kept, and nothing of what it says."""


class WithdrawnKind(StrEnum):
    """What can be withdrawn."""

    IMAGE = "image"
    ANNOTATOR = "annotator"


class VariantStatus(StrEnum):
    """Whether a question in other words may be asked."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class Stratum(StrEnum):
    """What a sample can be drawn alike from: each keeps its share of the whole."""

    MODEL = "model"
    DIRECTION = "direction"
    POSITION = "position"
    """The sentence's place in its caption: 1 to 5, and 6+ for all later ones."""


class AnnotationUnit(StrEnum):
    """What an annotator is asked about at once."""

    SENTENCE = "sentence"
    CAPTION = "caption"
    """All sentences of a caption on one page."""
    RESPONSE = "response"
    """A model's answer to a question about an image, which is rated."""
    VARIANT = "variant"
    """A question in other words, beside the one that it was written from."""

    @property
    def is_of_questions(self) -> bool:
        """Whether it has to do with questions, and has no sentences."""
        return self in (AnnotationUnit.RESPONSE, AnnotationUnit.VARIANT)


class RoundForm(StrEnum):
    """How the sentences of a round reach the annotators; a round keeps the form it began with."""

    SHARED = "shared"
    """All answer in one project, and the server says who gets what: rounds of earlier versions."""
    QUEUES = "queues"
    """Each annotator has a project of their own; table `assignments` says who is asked what."""


class AssignmentState(StrEnum):
    """What became of a question that was put to an annotator."""

    OPEN = "open"
    ANSWERED = "answered"
    """By an answer that is a vote, or is measured against gold."""
    SKIPPED = "skipped"
    CLOSED = "closed"
    """Taken back, or answered in a way that does not count."""


class FailureKind(StrEnum):
    """Whether an item broke or simply had nothing in it."""

    FAILED = "failed"
    EMPTY = "empty"


class ScoreStatus(StrEnum):
    """What came of scoring a sentence."""

    SCORED = "scored"
    WINDOWED = "windowed"
    """Scored in parts, because it is longer than the model reads."""
    INVALID = "invalid"
    """The detector gave NaN or an infinity."""
    FAILED = "failed"


class StageName(StrEnum):
    """The stages of the road, in order. Each is one verb and one flow."""

    INGEST = "ingest"
    PROMPTS = "prompts"
    CAPTION = "caption"
    IMAGINE = "imagine"
    SPLIT = "split"
    PUSH = "push"
    PULL = "pull"
    LABEL = "label"
    RELEASE = "release"
    EVALUATE = "evaluate"
    REWRITE = "rewrite"
    RESPOND = "respond"
    JUDGE = "judge"
