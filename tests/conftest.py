import atexit
import os
import shutil
from tempfile import mkdtemp

# Read when `datasets` is imported, by whichever test does so first: no test asks a hub.
os.environ["HF_HUB_OFFLINE"] = "1"

# Read when PyTorch is imported. A tiny model takes longer on several threads than on one, and far
# longer where the processor has other work; what tests start inherits it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What a model was found to do is remembered between processes: here, for these tests alone.
os.environ["ALIGNBENCH_PROBES"] = mkdtemp(prefix="alignbench-probes-")
atexit.register(shutil.rmtree, os.environ["ALIGNBENCH_PROBES"], ignore_errors=True)

pytest_plugins = [
    "tests.fixtures.browser",
    "tests.fixtures.datasets",
    "tests.fixtures.labelling_browsers",
    "tests.fixtures.s3",
    "tests.fixtures.services",
]
