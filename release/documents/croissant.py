"""`croissant.json`: the release as Croissant 1.0 metadata (JSON-LD over schema.org).

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

import json
from typing import Any, Final

import pyarrow as pa

from alignbench.release.documents.citation import authors, cite_as
from alignbench.release.documents.licences import licence_of
from alignbench.release_format.columns import data_schema, vote_schema
from alignbench.release_format.layout import DATA, VOTES
from alignbench.release_format.manifest import Manifest

CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.0"

_CONTEXT: Final = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_PARQUET: Final = "application/x-parquet"
_TYPES: Final = {
    pa.string(): "sc:Text",
    pa.int32(): "sc:Integer",
    pa.int64(): "sc:Integer",
    pa.float64(): "sc:Float",
    pa.bool_(): "sc:Boolean",
}


def render_croissant(manifest: Manifest, checksums: dict[str, str]) -> str:
    """Returns the text of `croissant.json`.

    Args:
        manifest: What is in the release.
        checksums: SHA-256 of each Parquet file by its path in the release.
    """
    licence = licence_of(manifest)
    kinds = (DATA, VOTES) if any(path.startswith(f"{VOTES}/") for path in checksums) else (DATA,)
    version = manifest.schema_version
    columns, vote_columns = data_schema(version), vote_schema(version)
    record_sets = {
        DATA: _record_set(DATA, columns, "sentence_id", "One sentence with its label."),
        VOTES: _record_set(VOTES, vote_columns, None, "One annotator's vote on a sentence."),
    }
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": manifest.name,
        "description": manifest.description or manifest.title,
        "version": manifest.version,
        "license": licence.link if licence.has_page else licence.name or licence.code,
        "citeAs": cite_as(manifest),
        "creator": [{"@type": "sc:Organization", "name": name} for name in authors(manifest)],
        **({"url": manifest.url} if manifest.url else {}),
        **({"inLanguage": list(manifest.language)} if manifest.language else {}),
        **({"datePublished": manifest.date.isoformat()} if manifest.date else {}),
        "distribution": [
            *(_file(path, sha256) for path, sha256 in sorted(checksums.items())),
            *map(_file_set, kinds),
        ],
        "recordSet": [record_sets[kind] for kind in kinds],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def croissant_document(text: str) -> dict[str, Any] | None:
    """Returns what a `croissant.json` holds; None if it is no JSON object."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def croissant_checksums(text: str) -> dict[str, str] | None:
    """Returns SHA-256 by path of the files that a `croissant.json` lists; None if it is none."""
    try:
        document = json.loads(text)
        if document["conformsTo"] != CONFORMS_TO:
            return None
        files = [part for part in document["distribution"] if part["@type"] == "cr:FileObject"]
        return {str(part["contentUrl"]): str(part["sha256"]) for part in files}
    except (ValueError, RecursionError, KeyError, TypeError):
        return None


def _file(path: str, sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "encodingFormat": _PARQUET,
        "sha256": sha256,
    }


def _file_set(kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{kind}-files",
        "name": f"{kind}-files",
        "encodingFormat": _PARQUET,
        "includes": f"{kind}/*/*.parquet",
    }


def _record_set(kind: str, schema: pa.Schema, key: str | None, description: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": kind,
        "name": kind,
        "description": description,
        **({"key": {"@id": f"{kind}/{key}"}} if key is not None else {}),
        "field": [_split(kind), *(_field(kind, field) for field in schema)],
    }


def _split(kind: str) -> dict[str, Any]:
    """Returns the field that tells a row's split, which is part of its file's name."""
    return {
        "@type": "cr:Field",
        "@id": f"{kind}/split",
        "name": "split",
        "dataType": "sc:Text",
        "source": {
            "fileSet": {"@id": f"{kind}-files"},
            "extract": {"fileProperty": "filename"},
            "transform": {"regex": r"^(.+)-\d{5}-of-\d{5}\.parquet$"},
        },
    }


def _field(kind: str, field: pa.Field) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{kind}/{field.name}",
        "name": field.name,
    }
    if pa.types.is_struct(field.type):
        source = _source(kind, field.name, "bytes")
        return {**found, "dataType": "sc:ImageObject", "source": source}
    if not pa.types.is_list(field.type):
        return {**found, "dataType": _TYPES[field.type], "source": _source(kind, field.name)}
    item = field.type.value_type
    if pa.types.is_struct(item):
        members = [_member(kind, field.name, member) for member in item]
        return {**found, "repeated": True, "subField": members}
    source = _source(kind, field.name)
    return {**found, "dataType": _TYPES[item], "repeated": True, "source": source}


def _member(kind: str, column: str, member: pa.Field) -> dict[str, Any]:
    """Returns one member of the structs that a column has lists of."""
    return {
        "@type": "cr:Field",
        "@id": f"{kind}/{column}/{member.name}",
        "name": member.name,
        "dataType": _TYPES[member.type],
        "repeated": True,
        "source": _source(kind, column, member.name),
    }


def _source(kind: str, column: str, member: str | None = None) -> dict[str, Any]:
    source: dict[str, Any] = {
        "fileSet": {"@id": f"{kind}-files"},
        "extract": {"column": column},
    }
    return source if member is None else {**source, "transform": {"jsonPath": member}}
