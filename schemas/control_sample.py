"""The control sample of a round: images whose units are asked in full, whatever is answered first.

Agreement, and how common mistakes are, can be told from these units alone: of the others, those
whose first votes agree get no further one. A release says which rows they are, and `verify` draws
them again, so the draw is part of the release format.
"""

from typing import NamedTuple

from alignbench.schemas.ids import sha256_hex


class ControlSample(NamedTuple):
    """Which images of a round are in its control sample.

    Attributes:
        round: The round.
        share: Share of the images that are drawn.
        is_adaptive: Whether votes are asked for as they are needed; if not, every image is in it.
    """

    round: str
    share: float
    is_adaptive: bool

    def has(self, image_id: str) -> bool:
        """Tells whether an image is in it: by a hash, so that nothing else tells them apart."""
        if not self.is_adaptive:
            return True
        drawn = int(sha256_hex(f"control {self.round} {image_id}".encode())[:8], 16) / 16**8
        return drawn < self.share
