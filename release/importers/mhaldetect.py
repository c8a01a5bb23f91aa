"""M-HalDetect: descriptions of COCO images, cut by people into ranges of four classes.

Source: Gunjal et al., "Detecting and Preventing Hallucinations in Large Vision Language Models"
(AAAI 2024). Reads the raw annotations: a response, and ranges with their text, end and class.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from alignbench.release.errors import ImportFileError
from alignbench.release.importing.mapping import read_labels, shown
from alignbench.release.importing.records import Entry, json_entries, json_line_entries
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import (
    ImageReference,
    ImportedCaption,
    ImportedSentence,
    ImportedSpan,
    ImportNotes,
    PublishedSet,
)
from alignbench.schemas.vocabulary import Verdict


class MHalDetect:
    """Reads `*_raw.json`, or JSON lines. Each range is a row, a wrong one is wrong as a whole."""

    published: ClassVar[PublishedSet] = PublishedSet(
        "M-HalDetect", "https://github.com/hendryx-scale/mhal-detect", None
    )

    def __init__(self, mapping: Path | None) -> None:
        self._labels = read_labels("mhaldetect.toml", mapping)
        self.mapping: Mapping[str, JsonValue] = shown(self._labels)

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields the response of each entry with its ranges; one that is not there is named."""
        for path in files:
            read = json_line_entries if path.suffix == ".jsonl" else json_entries
            for entry in read(path):
                text = entry.get("response", str)
                name = entry.get("image", str)
                notes.count("responses")
                ranges = tuple(self._ranges(entry, text, notes))
                image = ImageReference(source="coco", name=name)
                yield ImportedCaption(
                    entry.origin,
                    entry.text("model") or "mhaldetect",
                    image,
                    text,
                    ranges,
                    instruction=entry.text("question"),
                )

    def _ranges(self, entry: Entry, text: str, notes: ImportNotes) -> Iterator[ImportedSentence]:
        behind = 0
        for index, found in enumerate(entry.get("annotations", list)):
            if not isinstance(found, dict) or found.get("label") not in self._labels:
                label = found.get("label") if isinstance(found, dict) else found
                raise ImportFileError(
                    f"{entry.origin}: there is no label {label!r} in the mapping.",
                    "Add it to a mapping of your own, and give that to --mapping.",
                )
            notes.count(f"label {found['label']}")
            place = _place(text, found, behind)
            if place is None:
                notes.name(entry.origin, "range not in its response", str(found.get("text")))
                continue
            start, behind = place
            ours = self._labels[found["label"]]
            part = text[start:behind]
            wrong = ours.verdict is Verdict.INCORRECT
            yield ImportedSentence(
                start,
                behind,
                verdict=ours.verdict,
                index=index,
                error_type=ours.error_type,
                spans=(ImportedSpan(0, len(part), part, ours.error_type),) if wrong else (),
                own_labels={"label": found["label"]},
            )


def _place(text: str, found: Mapping[str, Any], behind: int) -> tuple[int, int] | None:
    """Returns where a range is, without the spaces around it: where its end says, or the next."""
    part = str(found.get("text") or "").strip()
    end = found.get("end")
    if not part:
        return None
    if isinstance(end, int):
        last = text[:end].rstrip()
        if last.endswith(part):
            return len(last) - len(part), len(last)
    start = text.find(part, behind)
    return None if start < 0 else (start, start + len(part))
