"""Entailment by a real classifier of the library, tiny and random: no trained one is at hand."""

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, BertTokenizerFast

from alignbench.evaluation.aids.entailment import EntailmentModel
from alignbench.evaluation.errors import ModelShapeError
from alignbench.models.in_process.placement import InProcessOptions

WORDS = ("red", "hat", "blue", "dog", "a", "wall", "clock", ",")
NLI = {"CONTRADICTION": 0, "neutral": 1, "Entailment": 2}
ON_PROCESSOR = InProcessOptions(device="cpu")


def save_classifier(folder: Path, labels: dict[str, int]) -> Path:
    torch.manual_seed(3)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=16)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, initializer_range=0.5, max_position_embeddings=16,
        label2id=labels, id2label={place: name for name, place in labels.items()},
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_neutral_is_thrown_away_and_batches_give_what_single_pairs_give(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "nli", NLI)
    pairs = [("red hat", "a hat"), ("red hat " * 20, "blue"), ("wall clock", "dog , red hat")]
    found = EntailmentModel(str(folder), ON_PROCESSOR).entails(pairs)
    model = BertForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for pair, probability in zip(pairs, found, strict=True):
        given = tokenizer(*pair, truncation="only_first", return_tensors="pt")
        with torch.inference_mode():
            logits = model(**given).logits[0]
        expected = logits[[0, 2]].softmax(dim=0)[1].item()
        assert probability == pytest.approx(expected, abs=1e-5)
    assert len({round(one, 3) for one in found}) == 3, "The model tells pairs apart."


def test_a_classifier_of_something_else_is_refused(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "mood", {"good": 0, "bad": 1})
    with pytest.raises(ModelShapeError, match="bad, good"):
        EntailmentModel(str(folder), ON_PROCESSOR)
