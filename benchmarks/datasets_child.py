"""Loads a release's Parquet files as a researcher would; run by `benchmarks.datasets_versions`.

It knows nothing of AlignBench: it runs with another Python environment, which has `datasets` alone.
"""

import hashlib
import json
import sys
from pathlib import Path

import datasets


def main(folder: Path) -> None:
    """Prints what the data and the votes are when they are read from their files."""
    found = {"datasets": datasets.__version__}
    for kind in ("data", "annotations"):
        files = sorted(str(path) for path in folder.glob(f"{kind}/*/*.parquet"))
        if not files:
            continue
        loaded = datasets.load_dataset("parquet", data_files=files, split="train")
        rows = [dict(row) for row in loaded]
        images = [row.pop("image", None) for row in rows]
        text = json.dumps(rows, sort_keys=True)
        found[kind] = {
            "rows": len(rows),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "images": [None if image is None else list(image.size) for image in images],
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
