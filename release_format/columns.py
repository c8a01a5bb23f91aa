"""The columns of released files: their Arrow schemas, and what `datasets` is told about them.

The first sixteen columns of the data are those of AlignBench's own file, in its order. Everything
is nullable in the files, as readers expect; `REQUIRED_*` says what is never null.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.ids import JsonValue

RELEASE_SCHEMA_VERSION: Final = 4
"""Raised whenever a released column is added or changes its meaning."""

_STRINGS: Final = pa.list_(pa.field("element", pa.string()))


def _spans(*further: pa.Field) -> pa.ListType:
    offsets = [pa.field(name, pa.int32()) for name in ("start", "end")]
    texts = [pa.field(name, pa.string()) for name in ("type", "text")]
    return pa.list_(pa.field("element", pa.struct([*offsets, *texts, *further])))


IMAGE: Final = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])

DATA_SCHEMA: Final = pa.schema(
    [
        pa.field("model", pa.string()),
        pa.field("image_source", pa.string()),
        pa.field("image_name", pa.string()),
        pa.field("image_type", pa.string()),
        pa.field("sentence_index", pa.int32()),
        pa.field("caption", pa.string()),
        pa.field("annotation", pa.string()),
        pa.field("error_type", pa.string()),
        pa.field("error_words", _STRINGS),
        pa.field("agreement_ratio", pa.float64()),
        pa.field("fleiss_Pi", pa.float64()),
        pa.field("n_correct", pa.int32()),
        pa.field("n_incorrect", pa.int32()),
        pa.field("n_unknown", pa.int32()),
        pa.field("image_url", pa.string()),
        pa.field("image_path_in_repo", pa.string()),
        pa.field("sentence_id", pa.string()),
        pa.field("pair_id", pa.string()),
        pa.field("image_id", pa.string()),
        pa.field("direction", pa.string()),
        pa.field("full_caption", pa.string()),
        pa.field("sentence_start", pa.int32()),
        pa.field("sentence_end", pa.int32()),
        pa.field("error_spans", _spans(pa.field("votes", pa.int32()))),
        pa.field("domain", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("label_method", pa.string()),
        pa.field("span_agreement", pa.string()),
        pa.field("adjudicated", pa.bool_()),
        pa.field("n_votes", pa.int32()),
        pa.field("in_control", pa.bool_()),
        pa.field("instruction", pa.string()),
        pa.field("generator_revision", pa.string()),
        pa.field("generator_params", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("splitter", pa.string()),
        pa.field("license", pa.string()),
        pa.field("redistributable", pa.bool_()),
        pa.field("perceptual_hash", pa.string()),
        pa.field("own_labels", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("labels_license", pa.string()),
        pa.field("flags", _STRINGS),
        pa.field("schema_version", pa.int32()),
        pa.field("image", IMAGE),
    ]
)
"""One row a sentence. `caption` is the sentence and `full_caption` the text it is in, as in the
original's file; `image_path_in_repo` is null but in imported rows, since an image is inside the
Parquet file or behind `image_url`."""

_COUNTS: Final = ("n_correct", "n_incorrect", "n_unknown")
_SINCE_3: Final = ("own_labels", "origin", "labels_license", "flags")
_SINCE_4: Final = ("n_votes", "in_control")

VOTE_SCHEMA: Final = pa.schema(
    [
        pa.field("model", pa.string()),
        pa.field("sentence_id", pa.string()),
        pa.field("annotator", pa.string()),
        pa.field("round", pa.string()),
        pa.field("purpose", pa.string()),
        pa.field("verdict", pa.string()),
        pa.field("spans", _spans()),
        pa.field("flags", _STRINGS),
        pa.field("preannotated_by", pa.string()),
        pa.field("lead_seconds", pa.float64()),
        pa.field("in_control", pa.bool_()),
        pa.field("guideline_id", pa.string()),
        pa.field("label_schema_id", pa.string()),
        pa.field("unit", pa.string()),
    ]
)
"""One row a vote (`purpose` *label*), an answer to a sentence whose answer was known (*gold*) or an
adjudication (*adjudicate*), annotators under pseudonyms. `unit` says whether the annotator was
asked about the sentence alone or about its whole caption at once. Times, notes and editors are not
published."""

_VOTES_SINCE_4: Final = ("in_control", "guideline_id", "label_schema_id", "unit")


def _without(schema: pa.Schema, *names: str) -> pa.Schema:
    return pa.schema([field for field in schema if field.name not in names])


_SCHEMAS: Final = {
    2: _without(DATA_SCHEMA, *_SINCE_3, *_SINCE_4),
    3: _without(DATA_SCHEMA, *_SINCE_4),
}
_VOTE_SCHEMAS: Final = dict.fromkeys((2, 3), _without(VOTE_SCHEMA, *_VOTES_SINCE_4))

REQUIRED_DATA: Final = (
    "model", "image_source", "image_name", "image_type", "sentence_index", "caption", "annotation",
    "error_words", "sentence_id", "pair_id", "image_id", "direction", "full_caption",
    "sentence_start", "sentence_end", "error_spans", "label_method", "adjudicated", "flags",
    "schema_version",
)  # fmt: skip
REQUIRED_UNLESS_IMPORTED: Final = (
    "n_correct", "n_incorrect", "n_unknown", "n_votes", "in_control", "confidence",
    "generator_params", "seed", "splitter", "perceptual_hash",
)  # fmt: skip
"""Never null in rows that were labelled here; an imported set may not know them."""
REQUIRED_VOTE: Final = (
    "model", "sentence_id", "annotator", "round", "purpose", "verdict", "spans", "flags",
)  # fmt: skip

SORT_COLUMNS: Final = ("image_id", "pair_id", "sentence_index")
VOTE_SORT_COLUMNS: Final = ("sentence_id", "round", "purpose", "annotator")
"""Order of a model's rows over all its shards."""

_DTYPES: Final = {
    pa.string(): "string",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.float64(): "float64",
    pa.bool_(): "bool",
}


def data_schema(version: object) -> pa.Schema:
    """Returns the columns of a release of some schema version; today's if it is not known."""
    return _SCHEMAS.get(version, DATA_SCHEMA) if isinstance(version, int) else DATA_SCHEMA


def vote_schema(version: object) -> pa.Schema:
    """Returns the columns of `annotations/` of some schema version; today's if it is not known."""
    return _VOTE_SCHEMAS.get(version, VOTE_SCHEMA) if isinstance(version, int) else VOTE_SCHEMA


def as_current(rows: pa.RecordBatch, schema: pa.Schema = DATA_SCHEMA) -> pa.RecordBatch:
    """Returns rows of any schema version with today's columns: what was not there says nothing.

    Args:
        rows: Of the data, or of `annotations/`.
        schema: Today's columns of such rows.
    """
    columns = []
    for field in schema:
        if field.name in rows.schema.names:
            columns.append(rows.column(field.name))
        elif field.name == "n_votes":
            columns.append(vote_count(rows))
        elif pa.types.is_list(field.type):
            columns.append(pa.array([[]] * len(rows), field.type))
        else:
            columns.append(pa.nulls(len(rows), field.type))
    return pa.RecordBatch.from_arrays(columns, names=schema.names)


def vote_count(rows: pa.Table | pa.RecordBatch) -> pa.Array | pa.ChunkedArray:
    """Returns how many votes rows have in all, from `n_*`; null where these are null or missing."""
    if not set(_COUNTS) <= set(rows.schema.names):
        return pa.nulls(len(rows), pa.int32())
    correct, incorrect, unknown = (rows.column(name) for name in _COUNTS)
    return pc.add(pc.add(correct, incorrect), unknown)


def with_features(schema: pa.Schema) -> dict[str, str]:
    """Returns the file metadata that makes `datasets` decode the image column as images.

    Lists are plain JSON lists, which every version of `datasets` since 2.14 reads; versions before
    4 do not know the type `List` that it writes itself today.
    """
    return _metadata(schema, lambda item: [item])


def features_of_version_2(schema: pa.Schema) -> dict[str, str]:
    """Returns that metadata as releases of schema version 2 have it."""
    return _metadata(schema, lambda item: {"feature": item, "_type": "List"})


def _metadata(schema: pa.Schema, listed: Callable[[Any], Any]) -> dict[str, str]:
    features = {field.name: _feature(field.type, listed) for field in schema}
    return {"huggingface": json.dumps({"info": {"features": features}})}


def card_features(schema: pa.Schema) -> list[JsonValue]:
    """Returns the columns as the `features` of a dataset card's `dataset_info`."""
    return [{"name": field.name, **_card_type(field.type)} for field in schema]


def leaf_paths(schema: pa.Schema) -> list[str]:
    """Returns the Parquet columns of a schema by their dotted paths."""
    return [path for field in schema for path in _leaves(field)]


def _feature(kind: pa.DataType, listed: Callable[[Any], Any]) -> Any:
    if kind == IMAGE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return listed(_feature(kind.value_type, listed))
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type, listed) for field in kind}
    return {"dtype": _DTYPES[kind], "_type": "Value"}


def _card_type(kind: pa.DataType) -> dict[str, JsonValue]:
    if kind == IMAGE:
        return {"dtype": "image"}
    if pa.types.is_list(kind):
        inner = kind.value_type
        if pa.types.is_struct(inner):
            return {"list": [{"name": f.name, **_card_type(f.type)} for f in inner]}
        return {"list": _DTYPES[inner]}
    return {"dtype": _DTYPES[kind]}


def _leaves(field: pa.Field) -> list[str]:
    if pa.types.is_list(field.type):
        return [f"{field.name}.list.{path}" for path in _leaves(field.type.value_field)]
    if pa.types.is_struct(field.type):
        return [f"{field.name}.{path}" for child in field.type for path in _leaves(child)]
    return [field.name]
