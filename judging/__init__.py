"""Questions about images, judgements of their answers, and scores calibrated against people."""
