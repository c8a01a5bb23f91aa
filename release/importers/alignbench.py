"""AlignBench's own JSON Lines: sixteen columns, a sentence a line.

Source: arXiv 2511.20515. How the file spells its values is not public: see
`release/alignbench_jsonl.toml`, which --mapping replaces. Generated images lie in the set's own
repository, photographs are named by URL.
"""

import ast
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from pydantic import ValidationError

from alignbench.release.alignbench_jsonl import Line, raw_value, read_lines, read_mapping
from alignbench.release.errors import ImportFileError
from alignbench.release.importing.captions import joined
from alignbench.release.importing.placing import Placed, place_words
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import (
    ImageReference,
    ImportedCaption,
    ImportedSentence,
    ImportNotes,
    PublishedSet,
    VoteCounts,
)
from alignbench.schemas.vocabulary import Direction, HallucinationType, ImageType, RowFlag, Verdict

_COUNTS: Final = ("n_correct", "n_incorrect", "n_unknown")
_NEEDED: Final = ("model", "caption", "annotation", "sentence_index")
_SHOWN: Final = 80
"""How much of a line that is no object is named."""
_OWN: Final = ("annotation", "error_type", "error_words", "agreement_ratio", "fleiss_Pi", *_COUNTS)


class _Sentence(NamedTuple):
    """A line that is to become a row."""

    origin: str
    position: int
    image: ImageReference
    line: Line


class AlignBench:
    """Reads `halcap_bench.jsonl`; the sentences of one model on one image are one caption."""

    published: ClassVar[PublishedSet | None] = PublishedSet(
        "AlignBench", "https://huggingface.co/datasets/omron-sinicx/AlignBench", None
    )
    unnamed_source: ClassVar[str] = "alignbench"
    """Where images are from if a line does not say."""
    needs_index: ClassVar[bool] = True
    """Whether a line without `sentence_index` is left out; else lines are numbered in order."""
    repository_is_drawn: ClassVar[bool] = True
    """Whether an image with a path and no URL is a model's, if a line does not say."""

    def __init__(self, mapping: Path | None) -> None:
        try:
            self._mapping = read_mapping(mapping)
        except (OSError, ValueError, RecursionError, ValidationError) as error:
            raise ImportFileError(
                f"The mapping {mapping} cannot be used: {error}.",
                "Start from a copy of release/alignbench_jsonl.toml.",
            ) from None
        self.mapping: Mapping[str, JsonValue] = {
            ", ".join(spellings): name
            for column in ("annotation", "error_type")
            for name, spellings in self._mapping.values.get(column, {}).items()
        }

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields the captions of each file, as far as their lines can be used."""
        for path in files:
            groups: defaultdict[tuple[str, str, int], list[_Sentence]] = defaultdict(list)
            seen: defaultdict[tuple[str, str, int], int] = defaultdict(int)
            for found in self._sentences(path, notes):
                key = str(found.line.values["model"]), found.image.image_id
                times = seen[*key, found.position]
                seen[*key, found.position] += 1
                if times:
                    notes.name(
                        found.origin,
                        "sentence_index given before, so a caption of its own",
                        str(found.line.values["caption"]),
                    )
                groups[*key, times].append(found)
            first = min((s.position for group in groups.values() for s in group), default=0)
            if first:
                notes.name(path.name, f"sentence_index starts at {first}", "counted from 0 here")
            for group in groups.values():
                yield self._caption(sorted(group, key=lambda s: s.position), first, notes)

    def _sentences(self, path: Path, notes: ImportNotes) -> Iterator[_Sentence]:
        unnumbered: Counter[tuple[str, str]] = Counter()
        try:
            for line in read_lines(path, self._mapping):
                origin = f"{path.name}:{line.number}"
                notes.count("lines")
                if line.record is None:
                    notes.name(origin, "line left out: it is no JSON object", line.text[:_SHOWN])
                    continue
                for problem in line.problems:
                    notes.name(origin, f"{problem.column} not understood", problem.text)
                values = line.values
                needed = _NEEDED if self.needs_index else _NEEDED[:-1]
                missing = [name for name in needed if values[name] is None]
                image = self._image(values)
                if image is None:
                    missing.append("image_name, image_url or image_path_in_repo")
                if missing or image is None:
                    why = f"line left out: no {', no '.join(missing)}"
                    notes.name(origin, why, str(values["caption"] or ""))
                    continue
                position = values["sentence_index"]
                if position is None:
                    key = str(values["model"]), image.image_id
                    position = unnumbered[key]
                    unnumbered[key] += 1
                    notes.count("sentences numbered by the order of their lines")
                yield _Sentence(origin, position, image, line)
        except (OSError, UnicodeDecodeError) as error:
            raise ImportFileError(
                f"{path} cannot be read: {error}.", "Give the file as its authors publish it."
            ) from None

    def _image(self, values: dict[str, Any]) -> ImageReference | None:
        url, path, name = (values[key] for key in ("image_url", "image_path_in_repo", "image_name"))
        named = name or (url or path or "").rpartition("/")[2] or url or path
        if not named:
            return None
        in_repository = path is not None and url is None and self.repository_is_drawn
        drawn = values["image_type"] == ImageType.SYNTHETIC or in_repository
        return ImageReference(
            source=values["image_source"] or self.unnamed_source,
            name=named,
            url=url,
            path=path,
            image_type=ImageType.SYNTHETIC if drawn else ImageType.REAL,
        )

    def _caption(self, group: list[_Sentence], first: int, notes: ImportNotes) -> ImportedCaption:
        text, ranges = joined([str(found.line.values["caption"]) for found in group])
        flags = [RowFlag.CAPTION_JOINED] if len(group) > 1 else []
        numbers = [first - 1, *(found.position for found in group)]
        if any(after != before + 1 for before, after in pairwise(numbers)):
            flags.append(RowFlag.CAPTION_INCOMPLETE)
        sentences = [
            self._sentence(found, place, found.position - first, tuple(flags), notes)
            for found, place in zip(group, ranges, strict=True)
        ]
        head = group[0]
        drawn = head.image.image_type is ImageType.SYNTHETIC
        notes.count("captions")
        return ImportedCaption(
            head.origin,
            str(head.line.values["model"]),
            head.image,
            text,
            tuple(sentences),
            Direction.T2I if drawn else Direction.I2T,
        )

    def _sentence(
        self,
        found: _Sentence,
        place: tuple[int, int],
        index: int,
        flags: tuple[RowFlag, ...],
        notes: ImportNotes,
    ) -> ImportedSentence:
        values, record = found.line.values, found.line.record or {}
        verdict = Verdict(values["annotation"])
        kind = None if values["error_type"] is None else HallucinationType(values["error_type"])
        raw = {name: raw_value(record, name, self._mapping) for name in _OWN}
        placed = self._placed(values, raw["error_words"], verdict, kind)
        for word in placed.missing:
            why = "wrong words not in the sentence"
            if verdict is not Verdict.INCORRECT:
                why = f"wrong words of a sentence that is {verdict}"
            notes.name(found.origin, why, word)
        counts = _vote_counts(values)
        if any((values[name] or 0) < 0 for name in _COUNTS):
            told = ", ".join(f"{name} {values[name]}" for name in _COUNTS)
            notes.name(found.origin, "negative numbers of votes left out", told)
        notes.count("sentences")
        notes.count(f"sentences {verdict}")
        notes.count("sentences without numbers of votes", counts is None)
        notes.count("verdicts that the votes do not give", not _follows(verdict, counts))
        notes.count("wrong words located", len(placed.spans))
        return ImportedSentence(
            *place,
            verdict=verdict,
            index=index,
            error_type=kind if verdict is Verdict.INCORRECT else None,
            spans=placed.spans,
            counts=counts,
            own_labels={name: value for name, value in raw.items() if value is not None},
            flags=(*flags, *placed.flags),
        )

    def _placed(
        self, values: dict[str, Any], raw: Any, verdict: Verdict, kind: HallucinationType | None
    ) -> Placed:
        """Returns where the wrong words are: one text is one span, unless it is not there whole."""
        words = _listed(raw)
        split = words is None
        if words is None:
            words = [] if raw is None else [str(raw)]
        if verdict is not Verdict.INCORRECT:
            return Placed((), (), tuple(words))
        sentence = str(values["caption"])
        placed = place_words(sentence, words, kind)
        if split and placed.missing and len(values["error_words"]) > 1:
            placed = place_words(sentence, values["error_words"], kind)
            return placed._replace(flags=(*placed.flags, RowFlag.WORDS_SPLIT))
        return placed


def _listed(raw: Any) -> list[str] | None:
    """Returns wrong words that are a list, or a text that is one; None if they are one text."""
    if isinstance(raw, str) and raw.strip().startswith("["):
        for read in (json.loads, ast.literal_eval):
            try:
                raw = read(raw)
                break
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
    if not isinstance(raw, list):
        return None
    return [str(word).strip() for word in raw if str(word).strip()]


def _vote_counts(values: dict[str, Any]) -> VoteCounts | None:
    """Returns the numbers of votes; None if one is missing, negative, or all are nought."""
    counts = [values[name] for name in _COUNTS]
    if any(number is None or number < 0 for number in counts) or not sum(counts):
        return None
    return VoteCounts(*counts)


def _follows(verdict: Verdict, counts: VoteCounts | None) -> bool:
    """Tells whether most votes are for a verdict, or there are none; a tie is *unknown*."""
    if counts is None:
        return True
    by_verdict = dict(zip(Verdict, (counts.correct, counts.incorrect, counts.unknown), strict=True))
    most = [name for name, number in by_verdict.items() if number == max(by_verdict.values())]
    return verdict is (most[0] if len(most) == 1 else Verdict.UNKNOWN)
