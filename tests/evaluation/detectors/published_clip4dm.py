"""CLIP4DM as its authors define it, the long way: every head's attention written out.

Nothing of `evaluation` is used, nor the text tower's own forward pass: attention matrices are
leaves of the graph, made from the weights one text at a time.
"""

import re
from typing import Any

import torch
from PIL import Image

PREFIX = "A photo depicts "


def word_attributions(
    model: Any, tokenizer: Any, processor: Any, image: Image.Image, sentence: str,
    start: int, end: int | None, counted: str = "full",
) -> tuple[float, list[tuple[int, int, float]]]:  # fmt: skip
    """Returns the cosine, and (start, end, attribution) of each word of the sentence."""
    pixels = processor(images=image, return_tensors="pt")["pixel_values"]
    seen = model.get_image_features(pixel_values=pixels)
    seen = (seen if isinstance(seen, torch.Tensor) else seen.pooler_output)[0]
    text = PREFIX + sentence
    encoded = tokenizer(text, return_offsets_mapping=True)
    ids = torch.tensor(encoded["input_ids"])
    spoken, attentions = _text_vector(model, ids)
    cosine = torch.dot(spoken, seen) / (spoken.norm() * seen.norm())
    cosine.backward()
    last = len(ids) - 1  # the end of the text, at which it is pooled
    layers = attentions[start:end]
    total = torch.zeros(len(ids))
    for heads in layers:
        of_heads = []
        for attention in heads:
            gradient = attention.grad
            if counted == "negative_heads":  # the signed form of ReLU(-gradient)
                gradient = -torch.relu(-gradient)
            of_heads.append((gradient * attention)[last].detach())
        of_layer = torch.stack(of_heads).mean(0)
        total += -torch.relu(-of_layer) if counted == "negative_layers" else of_layer
    total /= len(layers)
    return float(cosine.detach()), _words(text, encoded["offset_mapping"], total.tolist())


def _text_vector(model: Any, ids: torch.Tensor) -> tuple[torch.Tensor, list[list[torch.Tensor]]]:
    tower = model.text_model
    length, width = len(ids), tower.config.hidden_size
    heads = tower.config.num_attention_heads
    size = width // heads
    states = tower.embeddings.token_embedding(ids) + tower.embeddings.position_embedding(
        torch.arange(length)
    )
    future = torch.full((length, length), float("-inf")).triu(1)
    attentions = []
    for layer in tower.encoder.layers:
        normed = layer.layer_norm1(states)
        attention = layer.self_attn
        query, key, value = (
            attention.q_proj(normed),
            attention.k_proj(normed),
            attention.v_proj(normed),
        )
        mixed, of_layer = [], []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            weights = torch.softmax(query[:, own] @ key[:, own].T / size**0.5 + future, dim=-1)
            weights.retain_grad()
            of_layer.append(weights)
            mixed.append(weights @ value[:, own])
        attentions.append(of_layer)
        states = states + attention.out_proj(torch.cat(mixed, dim=-1))
        states = states + layer.mlp(layer.layer_norm2(states))
    return model.text_projection(tower.final_layer_norm(states)[-1]), attentions


def _words(
    text: str, offsets: list[tuple[int, int]], scores: list[float]
) -> list[tuple[int, int, float]]:
    found = []
    for word in re.finditer(r"[.,]|[^\s.,]+", text):
        if word.start() < len(PREFIX):
            continue
        own = [
            score
            for (start, end), score in zip(offsets, scores, strict=True)
            if end > start and word.start() <= start < word.end()
        ]
        if own:
            found.append(
                (word.start() - len(PREFIX), word.end() - len(PREFIX), sum(own) / len(own))
            )
    return found
