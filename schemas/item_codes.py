"""Stable codes of what can be wrong with one item.

An `ItemCode` is one item's trouble: it goes into the item's `ItemFailure` and, as its code, into
the table `failures`; the others go on. The letter is that of the part that first met it.
"""

from enum import StrEnum
from typing import Self

from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.vocabulary import FailureKind


def shorten(text: str, length: int = 1000) -> str:
    """Returns a text with its middle left out if it is longer than `length` characters."""
    half = length // 2
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"


class ItemCode(StrEnum):
    """Stable codes of what can be wrong with one item, each with its meaning.

    Attributes:
        meaning: One sentence for the list of errors.
    """

    meaning: str

    def __new__(cls, code: str, meaning: str) -> Self:
        """Makes a member of its code and its meaning."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    NOT_AN_IMAGE = "AB-G10", "The data is not an image of a format that is read."
    IMAGE_DAMAGED = "AB-G11", "The image is cut off or damaged and cannot be decoded to its end."
    IMAGE_TOO_LARGE = "AB-G12", "The image has more bytes than are accepted."
    TOO_MANY_PIXELS = "AB-G13", "The image would decode to more pixels than are accepted."
    SEVERAL_FRAMES = "AB-G14", "The image is animated or has several pages."
    NO_WHITE_POINT = "AB-G15", "The pixels are numbers without an agreed white, as in raw data."
    DECODER_MISSING = "AB-G16", "The image's format is read by a decoder that is not installed."

    FILE_MISSING = "AB-G20", "The file is not there."
    FILE_UNREADABLE = "AB-G21", "The file or folder is there but cannot be read."
    PATH_OUTSIDE = "AB-G22", "The path leads out of the folder it should be in."
    LINK_OUTSIDE = "AB-G23", "A symbolic link leads out of the folder it is in."
    PATH_INVALID = "AB-G24", "The path is not one that a file can have."

    ENTRY_UNREADABLE = "AB-G30", "The line is not valid JSON, CSV or UTF-8."
    ENTRY_INCOMPLETE = "AB-G31", "The entry lacks a value that it must have."
    ENTRY_INVALID = "AB-G32", "A value of the entry is of the wrong kind."
    ENTRY_TWICE = "AB-G33", "The same file is described twice."
    IMAGE_NOT_EMBEDDED = "AB-G34", "The row names an image file instead of holding its bytes."

    URL_INVALID = "AB-G40", "The URL is malformed, not http or https, or carries a password."
    ADDRESS_REFUSED = "AB-G41", "The URL leads to an address that is not on the public internet."
    HOST_UNKNOWN = "AB-G42", "The URL's host has no address."
    HOST_UNREACHABLE = "AB-G43", "The connection could not be made or broke off."
    DOWNLOAD_TIMED_OUT = "AB-G44", "The download was not done in time."
    HTTP_STATUS = "AB-G45", "The server answered with something other than the image."
    TOO_MANY_REDIRECTS = "AB-G46", "The URL was redirected too often."
    OPTED_OUT = "AB-G47", "The site reserves its image from use by machines."
    ENCODING_UNREADABLE = "AB-G48", "The server's answer is compressed and cannot be unpacked."

    CAPTION_MISSING = "AB-G50", "The image came without a caption."
    CAPTION_EMPTY = "AB-G51", "The caption has no text in it."

    OUT_OF_MEMORY = "AB-G54", "The item alone does not fit into the device's memory."

    REQUEST_REFUSED = "AB-G60", "The model server calls this request, not others, a bad one."
    SERVER_FAILED = "AB-G61", "The model server failed at this request again and again."
    SERVER_TIMED_OUT = "AB-G62", "The model server did not answer this request in time."
    ANSWER_MALFORMED = "AB-G63", "The model server's answer is not what its protocol says."
    ANSWER_TRUNCATED = "AB-G64", "The model's answer was cut off at its limit of tokens."
    ANSWER_REFUSED = "AB-G65", "The model or its provider refused to answer."
    ANSWER_FILTERED = "AB-G66", "A content filter of the provider stopped the answer."
    ANSWER_EMPTY = "AB-G67", "The model answered with no text or image."
    IMAGE_BLANKED = "AB-G68", "A safety checker blanked the image."
    ANSWER_UNFINISHED = "AB-G69", "The answer ended for a reason that does not make it whole."
    CONTROL_TOKEN = "AB-G70", "The answer has a model's control token or wrapper inside it."
    ANSWER_TOO_LONG = "AB-G71", "The answer is longer than any caption."
    ANSWER_NOT_PROSE = "AB-G72", "The answer is JSON without a caption in it."
    TURNS_NOT_TAKEN = "AB-G73", "The model's prompt has no place for a turn of the conversation."

    IMAGE_ABSENT = "AB-E20", "The release does not hold the image of this sentence."
    SCORE_INVALID = "AB-E21", "The detector's score is not a finite number."
    SCORE_ABSENT = "AB-E23", "The file of scores has none for this sentence."
    ANSWER_NO_SCORE = "AB-E24", "The model's answer is not a score, and was not when asked again."
    SCORE_SCALE = "AB-E28", "The number that a judge wrote is not on the scale that it was given."
    REFERENCES_ABSENT = "AB-E29", "The release has no reference captions for this sentence."
    SENTENCE_TOO_LONG = "AB-E25", "The sentence is longer than the model reads."
    SENTENCE_EMPTY = "AB-E26", "The sentence has no word that the model reads."
    SENTENCE_HAS_IMAGE_TOKEN = "AB-E27", "The sentence contains the model's token for an image."

    VARIANT_LANGUAGE = "AB-E34", "A rewritten question is in other letters than the first."
    VARIANT_TELLS_ANSWER = "AB-E35", "A rewritten question gives its answer away."
    VARIANT_NEAR_DUPLICATE = "AB-E36", "A rewritten question hardly differs from one that is there."
    VARIANT_OTHER_MEANING = "AB-E37", "A second model says that it asks something else."
    CHECK_UNCLEAR = "AB-E38", "A second model says neither yes nor no to a rewritten question."
    VARIANT_REFUSED_BY_PEOPLE = "AB-E43", "People say that a rewritten question asks another thing."

    def failure(self, message: str, kind: FailureKind = FailureKind.FAILED) -> ItemFailure:
        """Returns the failure of one item; `message` names it and says what is wrong."""
        # A name or URL in the message may be as long as a line of the input can be.
        return ItemFailure(self.value, shorten(message), kind)


class ItemError(Exception):
    """One item's failure on its way up to where it becomes a value; never leaves a plug-in."""

    def __init__(self, failure: ItemFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure
