"""Agreement by unit of annotation: whole captions and single sentences are never pooled.

Somebody who is asked about a whole caption says *correct* by saying nothing, so that agreement
means something else there.
"""

from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.collect import AgreementCounts
from alignbench.release.columns.cells import Cell
from alignbench.schemas.vocabulary import AnnotationUnit

Rows = list[tuple[Cell, ...]]


class AgreementByUnit:
    """The agreement of a release's votes, by the unit that they were given on."""

    def __init__(self, *, with_spans: bool = True) -> None:
        """Makes it empty; `with_spans` needs spaCy as soon as two annotators marked words."""
        self._with_spans = with_spans
        self._counts = {AnnotationUnit.SENTENCE: AgreementCounts(with_spans=with_spans)}

    def add(self, sentences: pa.Table, votes: pa.Table) -> None:
        """Counts votes.

        Args:
            sentences: As `AgreementCounts.add` takes them.
            votes: Likewise, with `unit`; without a value, it was the sentence.
        """
        units = pc.fill_null(votes["unit"], AnnotationUnit.SENTENCE.value)
        for name in pc.unique(units).to_pylist():
            unit = AnnotationUnit(name)
            if unit not in self._counts:
                self._counts[unit] = AgreementCounts(with_spans=self._with_spans)
            self._counts[unit].add(sentences, votes.filter(pc.equal(units, name)))

    def rows(self, table: Callable[[AgreementCounts], Rows]) -> Rows:
        """Returns a table with a heading, the rows of whole captions after the others.

        These have the unit behind the name of their model.
        """
        [heading, *of_sentences] = table(self._counts[AnnotationUnit.SENTENCE])
        return [heading, *of_sentences, *self._further(table)]

    def _further(self, table: Callable[[AgreementCounts], Rows]) -> Iterator[tuple[Cell, ...]]:
        for unit, counts in sorted(self._counts.items()):
            if unit is not AnnotationUnit.SENTENCE:
                for model, *cells in table(counts)[1:]:
                    yield f"{model} ({unit})", *cells
