"""Sentence splitting: the unit of annotation is one sentence of a caption.

A caption passes through four modules, each with one subject: `structure` reads Markdown and finds
the blocks of prose, `boundaries` finds where a sentence could end in a block and what punctuation
says about it, `boundary_model` asks spaCy where punctuation leaves the question open, and `spans`
cuts and trims. `splitter` strings them together; `identity` names the rules and the model, without
loading either.
"""
