"""Scenes for property tests."""

from hypothesis import strategies as st

from alignbench.scenes.sampling import sample_scenes

scenes = st.integers(0, 2**32 - 1).map(lambda seed: next(iter(sample_scenes(1, seed))))
