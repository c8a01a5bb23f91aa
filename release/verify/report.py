"""The rules that a release keeps, and what is found where one is broken."""

from collections import Counter
from enum import StrEnum
from typing import Final, NamedTuple

MOST_FINDINGS: Final = 100
"""Findings that are reported per rule; further ones are only counted."""


class Rule(StrEnum):
    """A rule's code, which never changes its meaning."""

    CHECKSUMS = "R01"
    """`SHA256SUMS` is there and lists one checksum a file."""
    FILE_MISSING = "R02"
    """Every listed file is there."""
    FILE_EXTRA = "R03"
    """Every file is listed."""
    FILE_CHANGED = "R04"
    """Every file has its checksum."""
    SHARDS = "R05"
    """Shards are numbered from 0 without a gap, and each name gives their number."""
    PARQUET = "R06"
    """Every shard can be read."""
    SCHEMA = "R07"
    """Columns have the names, order and types of the schema."""
    FEATURES = "R08"
    """The file metadata declares the image column for `datasets`."""
    NULL = "R09"
    """Columns that are never null have no null."""
    VALUE = "R10"
    """Values are of the vocabulary, and of the file's model and version."""
    DUPLICATE = "R11"
    """A sentence stands in one row, and a vote too."""
    ORDER = "R12"
    """Rows are sorted."""
    SENTENCE = "R13"
    """`full_caption[sentence_start:sentence_end] == caption`."""
    SPAN = "R14"
    """Spans lie in the sentence, in order, and have its text; only incorrect ones have any."""
    WORDS = "R15"
    """`error_words` are the spans' texts, and `error_type` is that of the best-voted one."""
    LABEL = "R16"
    """Verdict, ratio and `fleiss_Pi` follow from the numbers of votes.

    Ratio and `fleiss_Pi` are null outside the control sample, and there alone.
    """
    VOTES = "R17"
    """The numbers of votes, and `n_votes`, are those of the votes in `annotations/`."""
    PSEUDONYM = "R18"
    """Annotators have pseudonyms."""
    IMAGE = "R19"
    """An image decodes, and its bytes and path are those of its `image_id`."""
    SPLIT = "R20"
    """An image, its near-duplicates and a prompt are in one split only."""
    MANIFEST = "R21"
    """`release.json` is valid and its counts are right."""
    STATISTICS = "R22"
    """`statistics/` is what the rows come to."""
    CARD = "R23"
    """The card says what rows and files come to: configs, counts, sizes, licence."""
    CROISSANT = "R24"
    """`croissant.json` describes the release, its shards with their checksums."""
    LICENCE = "R25"
    """An image that may not be redistributed is not embedded."""
    FIGURES = "R26"
    """Figures are drawn from the tables of `statistics/`."""
    ADJUDICATION = "R27"
    """An adjudicated label is what its adjudication says, and only such a label is final."""
    IMPORTED = "R28"
    """An imported row says nothing that its set does not: no votes, types or images of its own."""
    SPAN_VOTES = "R29"
    """Spans, their votes, types and `span_agreement` follow from the votes in `annotations/`."""
    PERCEPTUAL_HASH = "R30"
    """`perceptual_hash` is that of the image."""
    IDENTITY = "R31"
    """Ids, seed, splitter and method follow from the row and from `release.json`."""
    AGREES = "R32"
    """Rows of one text, and of one image, say the same of it."""
    TERMS = "R33"
    """`LICENSE` and `CITATION.cff` are there and say what `release.json` says."""
    CONTROL = "R34"
    """`in_control` follows from the rounds in `release.json`, which are those of the answers.

    So are the ids of guidelines and label schemas.
    """
    REFERENCE = "R35"
    """In a release of questions: whatever a row speaks of is in the release."""


class Finding(NamedTuple):
    """One place where a rule is broken; `row` counts from 0 in the file."""

    file: str
    row: int | None
    rule: Rule
    text: str

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}, row {self.row}"
        return f"{place}: {self.rule.value} {self.text}"


class Problem(NamedTuple):
    """A row of a batch, and what is wrong with it."""

    row: int
    rule: Rule
    text: str


class VerifyReport(NamedTuple):
    """What `verify` found.

    Attributes:
        address: What was checked.
        files: Number of files.
        rows: Number of sentences; in a release of questions, of rows of all tables.
        votes: Number of votes and adjudications; in a release of questions, of ratings.
        findings: Broken rules, at most `MOST_FINDINGS` of each.
        broken: How often each rule is broken, by its code.
        unchecked: Files whose content could not be checked, for want of spaCy.
    """

    address: str
    files: int
    rows: int
    votes: int
    findings: tuple[Finding, ...]
    broken: dict[str, int]
    unchecked: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every rule is kept."""
        return not self.findings


class Findings:
    """Findings as they come up, bounded in number."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.counts: Counter[str] = Counter()

    def add(self, file: str, rule: Rule, text: str, row: int | None = None) -> None:
        """Takes a finding."""
        self.counts[rule.value] += 1
        if self.counts[rule.value] <= MOST_FINDINGS:
            self.kept.append(Finding(file, row, rule, text))
