"""SigLIP: as CLIP, with texts padded to one length, and a bias in its logit (Zhai et al., 2023)."""

from alignbench.evaluation.detectors.clip import ClipDetector


class SiglipDetector(ClipDetector):
    """A SigLIP model: the cosine of sentence and image, or the model's own logit."""
