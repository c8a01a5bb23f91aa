"""A submission: one detector's scores of a release and the figures it claims, in a file to check.

It is a Parquet file with the columns `sentence_id` and `score`. Its metadata has, under the key
`alignbench_submission`, a JSON document: which release (name, version, checksum of its checksums),
which detector, and which mean AUROC is claimed. Whoever has the release can compute that again, so
nothing has to be believed but that the detector gave these scores.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from alignbench.evaluation.analyses.by_model import model_auroc
from alignbench.evaluation.errors import SubmissionError
from alignbench.evaluation.scores.scored import Scored, Sentences, join_scores
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.names import Name
from alignbench.schemas.vocabulary import ScoreStatus

FORMAT: Final = 1
SUFFIX: Final = ".submission.parquet"
TOLERANCE: Final = 1e-9
"""By so much a claimed figure may differ from that which is computed again."""

MOST_MISSING: Final = 0.01
"""The share of sentences that a detector may have failed on."""

_KEY: Final = b"alignbench_submission"
_COLUMNS: Final = pa.schema([("sentence_id", pa.string()), ("score", pa.float64())])
_MOST_BYTES: Final = 1 << 30


class Claim(BaseModel):
    """What a submission says of itself.

    Attributes:
        format: Of the file.
        release: `NAME/VERSION`.
        release_sha256sums: SHA-256 of the release's `SHA256SUMS`; it stands for every byte.
        split: The split that was scored; all if None.
        name: The detector's name.
        family: Its family.
        detector: What is written down of it: backend, model, revision, prompt, parameters.
        mean_auroc: The unweighted mean over generating models; None if it has none.
        models: The models that the mean is over.
        alignbench: Version of the software.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    release: str
    release_sha256sums: str | None
    split: str | None
    name: Name
    family: str
    detector: dict[str, Any]
    mean_auroc: float | None
    models: tuple[str, ...]
    alignbench: str


class Submission:
    """A submission that was read.

    Attributes:
        path: Its file.
        claim: What it says of itself.
        table: `sentence_id` and `score`.
    """

    def __init__(self, path: Path) -> None:
        """Reads a file.

        Raises:
            SubmissionError: It is no submission.
        """
        self.path = path
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise _not_one(path, "it is larger than 1 GiB")
            with pq.ParquetFile(path) as file:
                found = (file.schema_arrow.metadata or {}).get(_KEY)
                if found is None:
                    raise _not_one(path, "it does not say what it is a submission of")
                self.claim = Claim.model_validate_json(found)
                self.table = file.read(_COLUMNS.names).cast(_COLUMNS)
        except (OSError, KeyError, pa.ArrowException, ValidationError) as error:
            raise _not_one(path, str(error)) from None

    def scored(self, sentences: Sentences) -> Scored:
        """Returns its scores put to the sentences of its release."""
        length = len(self.table)
        rows = self.table.append_column("words", pa.array([[]] * length, _WORDS))
        rows = rows.append_column("status", pa.array([ScoreStatus.SCORED.value] * length))
        rows = rows.append_column("note", pa.nulls(length, pa.string()))
        return join_scores(sentences, rows, self.claim.name, self.claim.family)

    def problems(self, reader: ReleaseReader, sentences: Sentences) -> Iterator[str]:
        """Yields why it cannot stand on a leaderboard of a release.

        Args:
            reader: The release.
            sentences: Those of it that are evaluated.
        """
        claim = self.claim
        if claim.format != FORMAT:
            yield f"it has format {claim.format}, and {FORMAT} is read"
        if claim.release != reader.name:
            yield f"it is of the release {claim.release}, not {reader.name}"
        elif claim.release_sha256sums != reader.checksum:
            yield f"it was made with other files of {claim.release}: the checksums differ"
        if claim.split != reader.split:
            yield f"it is of {_split(claim.split)}, not of {_split(reader.split)}"
        ids = self.table["sentence_id"]
        if self.table["score"].null_count or not pc.all(pc.is_finite(self.table["score"])).as_py():
            yield "a score is not a finite number"
        if len(pc.unique(ids)) < len(ids):
            yield "a sentence is scored twice"
        known = sentences.table["sentence_id"]
        strange = len(ids) - pc.sum(pc.is_in(ids, known.combine_chunks())).as_py()
        if strange:
            yield f"{strange:,} of its sentences are not among those evaluated"
        missing = len(known) - pc.sum(pc.is_in(known, ids.combine_chunks())).as_py()
        if missing > MOST_MISSING * len(known):
            yield f"it has no score of {missing:,} of {len(known):,} sentences"
        yield from self._wrong_figures(sentences)

    def _wrong_figures(self, sentences: Sentences) -> Iterator[str]:
        found = model_auroc(sentences, self.scored(sentences).scores).mean().value
        claimed = self.claim.mean_auroc
        if claimed is None and math.isnan(found):
            return
        if claimed is None or not abs(claimed - found) <= TOLERANCE:
            yield f"it claims a mean AUROC of {claimed}, and its scores give {found:.9f}"


_WORDS: Final = pa.list_(
    pa.struct([("start", pa.int32()), ("end", pa.int32()), ("score", pa.float64())])
)


def write_submission(path: Path, sentences: Sentences, scored: Scored, claim: Claim) -> None:
    """Writes a detector's scores, those that are finite, with what it claims."""
    there = pa.array(scored.there)
    table = pa.table(
        [sentences.table["sentence_id"].filter(there), pa.array(scored.scores).filter(there)],
        schema=_COLUMNS.with_metadata({_KEY: claim.model_dump_json().encode()}),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")


def claim_of(
    reader: ReleaseReader,
    sentences: Sentences,
    scored: Scored,
    record: dict[str, Any],
    alignbench: str,
) -> Claim:
    """Returns what a submission of these scores says of itself.

    Args:
        reader: The release.
        sentences: Its sentences.
        scored: The scores.
        record: What is written down of the detector; without secrets.
        alignbench: Version of the software.
    """
    auroc = model_auroc(sentences, scored.scores)
    mean = auroc.mean().value
    names = zip(sentences.model.names, auroc.known, strict=True)
    return Claim(
        format=FORMAT,
        release=reader.name,
        release_sha256sums=reader.checksum,
        split=reader.split,
        name=scored.name,
        family=scored.family,
        detector=json.loads(json.dumps(record)),
        mean_auroc=None if math.isnan(mean) else mean,
        models=tuple(name for name, is_known in names if is_known),
        alignbench=alignbench,
    )


def _split(name: str | None) -> str:
    return "all splits" if name is None else f"the split {name!r}"


def _not_one(path: Path, why: str) -> SubmissionError:
    return SubmissionError(
        f"{path} is no submission: {why}.",
        "Make one with 'alignbench evaluate RELEASE --detector … --submissions'.",
    )
