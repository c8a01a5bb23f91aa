"""The texts of a release of questions: its card, licence and citation, from templates."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from alignbench.release.documents.citation import authors, cite_as
from alignbench.release.documents.licences import licence_of
from alignbench.release.documents.texts import templates_id, text_templates
from alignbench.release.questions.statistics import Tables
from alignbench.release_format.columns import card_features
from alignbench.release_format.layout import CARD, CITATION, DATA, LICENCE
from alignbench.release_format.question_columns import QUESTIONS, SPLIT, TABLES
from alignbench.release_format.question_manifest import QuestionManifest
from alignbench.schemas.ids import JsonValue

_PACKAGE: Final = "alignbench.release.questions"
_SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"),
                 (1_000_000, "100K<n<1M"))  # fmt: skip
_LARGEST: Final = "1M<n<10M"


class _Config(NamedTuple):
    """What `datasets` loads under a name."""

    name: str
    says: str
    glob: str
    rows: int
    num_bytes: int
    features: list[JsonValue]


def texts_id() -> str:
    """Returns a hash of the templates: another version may word a card otherwise."""
    return templates_id(_PACKAGE)


def question_texts(
    manifest: QuestionManifest, statistics: Tables, sizes: Mapping[str, int]
) -> dict[str, str]:
    """Returns card, `LICENSE` and `CITATION.cff`, by their paths in the release.

    Args:
        manifest: What is in the release.
        statistics: The tables of `statistics/`.
        sizes: Bytes of each Parquet file by its path in the release.
    """
    environment = text_templates(_PACKAGE)
    environment.filters["number"] = lambda value: f"{value:,}"
    configs = [
        _Config(
            table.name,
            table.says,
            f"{DATA}/{table.name}/{SPLIT}-*.parquet",
            manifest.rows[table.name],
            sum(size for path, size in sizes.items() if path.startswith(f"{DATA}/{table.name}/")),
            card_features(table.schema),
        )
        for table in TABLES.values()
        if manifest.rows[table.name]
    ]
    values = {
        "manifest": manifest,
        "licence": licence_of(manifest),
        "authors": authors(manifest),
        "cite_as": cite_as(manifest),
        "configs": configs,
        "default": QUESTIONS.name,
        "split": SPLIT,
        "size": _size(manifest.rows[QUESTIONS.name]),
        "models": statistics["answers_by_model"][1:],
        "scores": statistics["scores_by_judge"][1:],
        "tasks": statistics["questions_by_task"][1:],
        "columns": {table.name: ", ".join(f"`{n}`" for n in table.schema.names)
                    for table in TABLES.values()},
    }  # fmt: skip
    names = {CARD: "card.md.j2", LICENCE: "LICENSE.j2", CITATION: "CITATION.cff.j2"}
    return {path: environment.get_template(name).render(values) for path, name in names.items()}


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), _LARGEST)
