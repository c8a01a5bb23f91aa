"""Write the `.env` that docker-compose.yml asks for, with secrets of its own.

Standard library only: it runs on the host, before anything is installed.
"""

# ruff: noqa: T201 (a command prints)
from __future__ import annotations

import argparse
import os
import secrets
import sys
from pathlib import Path
from string import Template

TEMPLATE = Path(__file__).with_name("env.template")

SECRET_BYTES = 20
"""160 bits; in hexadecimal, the most that Label Studio's column for a user's token holds."""


def secret_values() -> dict[str, str]:
    """Give a new random value for every secret of the template.

    The values are hexadecimal, so that none needs quoting in a shell, a URL or JSON.
    """
    names = Template(TEMPLATE.read_text(encoding="utf-8")).get_identifiers()
    return {name: secrets.token_hex(SECRET_BYTES) for name in names}


def write_env(path: Path) -> None:
    """Write a new `.env` at `path`, readable by its owner only.

    Raises:
        FileExistsError: There is one already; its secrets are in use by the stored data.
    """
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(secret_values())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def main(arguments: list[str] | None = None) -> int:
    """Write the file that the command line names, and give the exit code."""
    parser = argparse.ArgumentParser(description="Write a .env with new random secrets.")
    default = TEMPLATE.parents[1] / ".env"
    parser.add_argument("path", nargs="?", type=Path, default=default, help="default: %(default)s")
    path: Path = parser.parse_args(arguments).path
    try:
        write_env(path)
    except FileExistsError:
        print(
            f"{path} is there already and stays as it is: the databases were made with its "
            "secrets. Move it away to make a new one.",
            file=sys.stderr,
        )
        return 1
    print(f"Wrote {path}. Next: docker compose up --detach --build --wait")
    return 0


if __name__ == "__main__":
    sys.exit(main())
