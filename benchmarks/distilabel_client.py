"""The same captions by distilabel, in its own environment (`make bench` makes it).

.venv-distilabel/bin/python benchmarks/distilabel_client.py BASE_URL FOLDER
"""

import base64
import sys
from pathlib import Path

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGenerationWithImage


def main(base_url: str, folder: Path) -> None:
    """Asks for a caption of each image, 50 at a time, its own default."""
    rows = [
        {
            "instruction": "Describe the image.",
            "image": base64.b64encode(file.read_bytes()).decode(),
        }
        for file in sorted(folder.iterdir())
    ]
    with Pipeline(name="captions") as pipeline:
        load = LoadDataFromDicts(data=rows)
        llm = OpenAILLM(model="tiny", base_url=base_url, api_key="none", timeout=120)
        load >> TextGenerationWithImage(llm=llm, image_type="base64")
    made = pipeline.run(use_cache=False)["default"]["train"]
    texts = made["generation"]
    if len(texts) != len(rows) or not all(texts):
        raise SystemExit(f"{len(texts)} captions of {len(rows)}, some perhaps empty.")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
