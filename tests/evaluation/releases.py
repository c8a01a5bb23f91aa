"""Release folders with the files that an evaluation reads, in the layout of `release`."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.evaluation.scores.scored import Sentences
from tests.evaluation.images import png

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_release(
    folder: Path,
    sentences: Sentences,
    families: dict[str, str] | None = None,
    group: int = 200,
    kept_out: int = 0,
) -> Path:
    """Writes one shard a model, rows sorted by image, images dictionary-encoded as released.

    The first `kept_out` images are not embedded.
    """
    pictures = [png(number) for number in range(min(len(sentences.image.names), 50))]
    for model in sentences.model.names:
        own = sentences.table.filter(pa.compute.equal(sentences.table["model"], model))
        own = own.sort_by("image_id")
        codes = pa.compute.index_in(own["image_id"], pa.array(sentences.image.names))
        places = np.asarray(codes) % len(pictures)
        embedded = pa.array(places, pa.int32(), mask=np.asarray(codes) < kept_out)
        data = pa.DictionaryArray.from_arrays(embedded, pictures)
        paths = pa.array([f"{place}.png" for place in places])
        image = pa.StructArray.from_arrays([data, paths], names=["bytes", "path"])
        place = folder / "data" / model
        place.mkdir(parents=True)
        table = own.append_column("image", image)
        pq.write_table(
            table,
            place / "test-00000-of-00001.parquet",
            row_group_size=group,
            compression="none",
            use_dictionary=["image.bytes"],
            store_schema=False,
        )
    captioners = [{"name": name, "family": family} for name, family in (families or {}).items()]
    manifest = {"name": "made", "version": "1.0.0", "config": {"captioners": captioners}}
    (folder / "release.json").write_text(json.dumps(manifest))
    return folder
