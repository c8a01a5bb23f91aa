"""How far annotators agree, on verdicts and on wrong spans.

- `fleiss`: Fleiss' kappa, as published per model.
- `coefficients`: percent agreement, Fleiss' kappa, Krippendorff's alpha and Gwet's AC1 at once.
- `pairs`: two annotators at a time, with Cohen's kappa.
- `spans`: agreement by word, and F1 between the spans of two annotators.
- `intervals`: intervals, by drawing images again.
- `collect`: all of it counted over a release, with its tables in `tables`.
"""
