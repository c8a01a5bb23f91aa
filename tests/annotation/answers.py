"""Answers in a workspace's tables, as a pull leaves them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from alignbench.schemas.rows.annotation import Annotation
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import ANNOTATIONS
from alignbench.schemas.vocabulary import AnnotationStatus, AnnotationUnit, Purpose, Verdict
from alignbench.workspace.workspace import Workspace

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Answers:
    """Writes answers as a pull does."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._count = 0

    def give(self, *said: Any, **more: Any) -> None:
        """Writes an answer; takes what `row` takes."""
        self.workspace.table(ANNOTATIONS).append([self.row(*said, **more)], "test")

    def give_caption(
        self, name: str, caption: str, said: Mapping[str, Verdict | None], seconds: float = 10.0
    ) -> None:
        """Writes an answer to a whole caption: a row for each sentence, all with one id."""
        rows = [self.row(name, key, one, seconds=seconds / len(said)) for key, one in said.items()]
        one_answer = {"annotation_id": self._count, "annotated_at": rows[0].annotated_at}
        whole = {"unit": AnnotationUnit.CAPTION, "unit_id": caption}
        rows = [replace(row, **one_answer, **whole) for row in rows]
        self.workspace.table(ANNOTATIONS).append(rows, "test")

    def row(
        self,
        name: str,
        sentence: str,
        verdict: Verdict | None = Verdict.CORRECT,
        purpose: Purpose = Purpose.LABEL,
        seconds: float = 10.0,
        spans: tuple[Span, ...] = (),
        round_name: str = "1",
        day: int = 0,
        flags: tuple[str, ...] = (),
        note: str | None = "secret",
    ) -> Annotation:
        self._count += 1
        at = NOW + timedelta(days=day, seconds=self._count)
        missing = verdict is Verdict.INCORRECT and not spans
        return Annotation(
            server="s",
            project_id=1,
            annotation_id=self._count,
            sentence_id=sentence,
            task_id=1,
            round=round_name,
            purpose=purpose,
            annotator=name,
            verdict=verdict,
            spans=spans,
            status=AnnotationStatus.SUBMITTED if verdict else AnnotationStatus.SKIPPED,
            flags=("spans_missing",) if missing else flags,
            note=note,
            preannotated_by=None,
            updated_by=None,
            text_sha256="0",
            lead_seconds=seconds,
            annotated_at=at,
            updated_at=at,
        )
