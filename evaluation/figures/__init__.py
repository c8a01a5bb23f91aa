"""Figures as SVG, by Matplotlib: the same table gives the same bytes.

They are to be read with many detectors: a colour is used once in a panel, and what would need more
colours has panels of its own. What is written in a figure may come from anywhere: it is never read
as mathematics, and Matplotlib escapes it for XML.
"""
