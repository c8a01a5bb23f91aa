"""`README.md`: the dataset card, whose YAML tells `datasets` and the hubs what lies where.

Every value in the YAML is written as JSON, which is YAML too, one key a line; `card_configs` reads
it back without a YAML parser.
"""

import json
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from alignbench.release.agreement.fleiss import FleissKappa
from alignbench.release.columns.cells import Cell
from alignbench.release.counting.statistics import ModelStatistics, Statistics, sentences_row
from alignbench.release.counting.tables import Tables
from alignbench.release.documents.citation import cite_as
from alignbench.release.documents.licences import licence_of
from alignbench.release.documents.texts import text_templates
from alignbench.release.names import ALL_MODELS
from alignbench.release_format.columns import card_features, data_schema, vote_schema
from alignbench.release_format.layout import DATA, VOTES
from alignbench.release_format.manifest import Manifest
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.vocabulary import Verdict

_SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
_LARGE: Final = "100K<n<1M"
_LARGER: Final = "1M<n<10M"

_CONFIG: Final = re.compile(r"- config_name: (?P<json>\".*\")")
_PATH: Final = re.compile(r"\s+path: (?P<json>\".*\")")


_FACT: Final = re.compile(
    r"\s*(- )?(pretty_name|license|config_name|split|path|name|num_bytes|num_examples|default): "
)


class CardSplit(NamedTuple):
    """One split of a config: its name, files and rows."""

    name: str
    glob: str
    rows: int

    def matches(self, path: str) -> bool:
        """Tells whether a file of the release belongs to the split."""
        return fnmatchcase(path, self.glob)


class CardConfig(NamedTuple):
    """One config of a card: what `datasets` loads under a name."""

    name: str
    splits: Sequence["CardSplit"]
    features: Sequence[JsonValue]


def card_configs(text: str) -> dict[str, list[str]]:
    """Returns the path globs of each config that a card written by `render_card` declares."""
    found: dict[str, list[str]] = {}
    _, _, after = text.partition("\nconfigs:\n")
    block = re.split(r"\n(?=[^\s-])", after, maxsplit=1)[0]
    name = None
    for line in block.splitlines():
        config, path = _CONFIG.fullmatch(line), _PATH.fullmatch(line)
        if config is not None:
            name = str(json.loads(config["json"]))
            found[name] = []
        elif path is not None and name is not None:
            found[name].append(str(json.loads(path["json"])))
    return found


def card_facts(text: str) -> list[str]:
    """Returns the lines of a card's YAML that say how much of what is where, and its licence."""
    front = text.removeprefix("---\n").partition("\n---\n")[0]
    return [line for line in front.splitlines() if _FACT.match(line)]


def configs(manifest: Manifest) -> list[CardConfig]:
    """Returns the configs of a release: all models, each model, and the votes if there are any."""
    counts = manifest.counts
    data = card_features(data_schema(manifest.schema_version))
    vote_columns = card_features(vote_schema(manifest.schema_version))
    splits = sorted(counts.by_split.items())
    every = [CardSplit(s, f"{DATA}/*/{s}-*.parquet", part.sentences) for s, part in splits]
    given = [
        CardSplit(s, f"{VOTES}/*/{s}-*.parquet", part.votes + part.adjudications + part.gold)
        for s, part in splits
    ]
    each = [
        CardConfig(model, [
            CardSplit(s, f"{DATA}/{model}/{s}-*.parquet", part.by_model[model])
            for s, part in splits if model in part.by_model
        ], data)
        for model in sorted(counts.by_model)
    ]  # fmt: skip
    voted = [CardConfig(VOTES, given, vote_columns)] if any(split.rows for split in given) else []
    return [CardConfig(ALL_MODELS, every, data), *each, *voted]


class _ModelRow(NamedTuple):
    """What the card's table says of one model."""

    model: str
    direction: str
    numbers: tuple[Cell, ...]
    unknown: int
    fleiss: FleissKappa


def render_card(
    manifest: Manifest, statistics: Statistics, tables: Tables, sizes: Mapping[str, int]
) -> str:
    """Returns the text of the dataset card.

    Args:
        manifest: What is in the release.
        statistics: Counts over its rows.
        tables: The tables of `statistics/`.
        sizes: Bytes of each Parquet file by its path in the release.
    """
    environment = text_templates()
    environment.filters["number"] = _number
    environment.globals["interval"] = _interval
    agreed = tables["agreement_by_model"]
    rows = [_model_row(model, part) for model, part in sorted(statistics.models.items())]
    declared = configs(manifest)
    return environment.get_template("card.md.j2").render(
        manifest=manifest,
        licence=licence_of(manifest),
        cite_as=cite_as(manifest),
        configs=declared,
        model_configs=[c for c in declared if c.name not in (ALL_MODELS, VOTES)],
        has_votes=any(c.name == VOTES for c in declared),
        num_bytes=lambda split: sum(n for path, n in sizes.items() if split.matches(path)),
        default=ALL_MODELS,
        rows=rows,
        sources=tables["images_by_source"][1:],
        agreement=[dict(zip(agreed[0], row, strict=True)) for row in agreed[1:]],
        total=sentences_row(statistics.models.values()),
        unknown=sum(row.unknown for row in rows),
        size=_size(manifest.counts.sentences),
    )


def _model_row(model: str, part: ModelStatistics) -> _ModelRow:
    unknown = part.verdicts[Verdict.UNKNOWN]
    return _ModelRow(model, part.direction, sentences_row([part]), unknown, part.fleiss())


def _interval(row: Mapping[str, Cell], name: str) -> str:
    value, low, high = (_number(row[f"{name}{bound}"], 2) for bound in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def _size(rows: int) -> str:
    for limit, name in _SIZES:
        if rows < limit:
            return name
    return _LARGE if rows < 1_000_000 else _LARGER


def _number(value: Cell, digits: int = 1) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}f}"
