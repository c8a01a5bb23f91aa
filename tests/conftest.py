import os

# Read when `datasets` is imported, by whichever test does so first: no test asks a hub.
os.environ["HF_HUB_OFFLINE"] = "1"

pytest_plugins = [
    "tests.fixtures.browser",
    "tests.fixtures.datasets",
    "tests.fixtures.s3",
    "tests.fixtures.services",
]
