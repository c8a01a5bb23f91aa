"""From a raw answer to a caption, a score or a yes: for endpoints and in-process models alike.

    RawAnswer ──thoughts──▶ ──wrappers──▶ ──control tokens──▶ ReadAnswer ──▶ caption | score

What a model thought, the tags around its answer and the tokens that steer it are no part of what it
says. They are left out and kept as lineage; where that cannot be done without guessing, the item
fails, and says why. Nothing is repaired, rescaled or made up.
"""
