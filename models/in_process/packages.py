"""The packages that in-process models need, which take seconds to import.

Every command reads the configuration, and with it the options of each configured plug-in; only one
that runs a model is to wait for its libraries. So plug-ins import those when they load a model.
"""

from importlib.util import find_spec


def check_installed(*packages: str) -> None:
    """Checks that packages are installed, without importing them.

    Raises:
        ModuleNotFoundError: One is not; its `name` says which.
    """
    for package in packages:
        if find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
