"""Whether people answer whole captions as well as single sentences.

- `double_votes`: the votes on sentences that were asked about both ways.
- `sentence_figures`: what the votes on one sentence come to, on one of the pages.
- `paired`: a figure on both pages, and their difference with its interval over images.
- `comparison`: all figures, and whether captions are not worse.
"""
