"""Tokenizers that know each word of the describer's language as one token, built without files."""

import json

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import BertTokenizer, CLIPTokenizer

from alignbench.scenes.describing import COUNT_WORDS, noun
from alignbench.scenes.scene import WORDS, Colour, Heading, Place, Shape, Size

_GLUE = ("There", "is", "are", "in", "the", "An", "The", "arrow", "points", "word", "to", "of")
_REST = ("above", "below", "left", "right", ".")
_BERT_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_END = "</w>"
_CLIP_SPECIAL = ("<|startoftext|>", "<|endoftext|>")
CONTEXT = 72
"""Tokens that hold the longest description, with special ones."""


def words() -> list[str]:
    """Gives every word that a description may hold, and the full stop, in a fixed order."""
    places = {word for place in Place for word in place.split()}
    nouns = {noun(shape, count) for shape in Shape for count in (1, 2)}
    closed = {
        *COUNT_WORDS.values(),
        *Size,
        *Colour,
        *Heading,
        *places,
        *nouns,
        *WORDS,
        *_GLUE,
        *_REST,
    }
    return sorted(str(word) for word in closed)


def cased_tokenizer() -> BertTokenizer:
    """Builds the captioners' tokenizer: BERT's, over whole words in their own case."""
    vocabulary = {token: index for index, token in enumerate([*_BERT_SPECIAL, *words()])}
    return BertTokenizer(vocab=vocabulary, do_lower_case=False, model_max_length=CONTEXT)


def clip_tokenizer(length: int) -> CLIPTokenizer:
    """Builds CLIP's byte-pair tokenizer with merges that make each word of ours one token."""
    learner = Tokenizer(models.BPE(end_of_word_suffix=_END))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Whitespace()
    lowered = [word.lower() for word in words()]
    # Numbered here, as the trainer would number them in another order each time.
    letters = [*sorted({*"".join(lowered)}), *sorted({word[-1] + _END for word in lowered})]
    trainer = trainers.BpeTrainer(
        vocab_size=10_000,
        min_frequency=0,
        special_tokens=letters,
        end_of_word_suffix=_END,
        show_progress=False,
    )
    learner.train_from_iterator([" ".join(words())], trainer)
    learned = json.loads(learner.to_str())["model"]
    vocabulary: dict[str, int] = learned["vocab"]
    merges = [(left, right) for left, right in learned["merges"]]
    for special in _CLIP_SPECIAL:
        vocabulary[special] = len(vocabulary)
    return CLIPTokenizer(
        vocab=vocabulary, merges=merges, pad_token=_CLIP_SPECIAL[1], model_max_length=length
    )
