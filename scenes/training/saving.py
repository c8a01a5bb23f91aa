"""Saves weights as 16-bit floats that load as 32-bit ones."""

import json
from pathlib import Path


def load_as_float32(folder: Path) -> None:
    """Says in the configuration of each transformers model below `folder` that it is 32-bit.

    Since version 5 transformers loads a model in the type that its configuration names; processors
    of ordinary machines compute in 16 bits slowly, and not everything.
    """
    for path in folder.rglob("config.json"):
        config = json.loads(path.read_text(encoding="utf-8"))
        if "transformers_version" in config:
            config["dtype"] = "float32"
            for part in config.values():
                if isinstance(part, dict) and "dtype" in part:
                    part["dtype"] = "float32"
            path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
