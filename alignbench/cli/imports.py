"""`import`: a set that others annotated becomes a release."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import JsonValue
from alignbench.terminal.output import print_json, print_table, say

if TYPE_CHECKING:
    from alignbench.flows.intake.imported_images import FetchedImages, FolderImages, NoImages
    from alignbench.release.importing.build import ImportedRelease

_MOST_NAMED = 10


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command(name="import")(import_files)


def import_files(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Whose format the files have.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The set's files.")],
    to: Annotated[
        str,
        typer.Option("--to", metavar="RELEASE", help="Where the release goes: .../NAME/VERSION."),
    ],
    images: Annotated[
        Path | None, typer.Option("--images", metavar="DIR", help="Folder of the set's images.")
    ] = None,
    fetch_images: Annotated[
        bool, typer.Option("--fetch-images", help="Fetch images by the URLs that the set gives.")
    ] = False,
    allow_private_addresses: Annotated[
        bool,
        typer.Option(
            "--allow-private-addresses", help="Let image URLs lead to addresses of this network."
        ),
    ] = False,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="TOML", help="Your own table of what labels mean."),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", help="Own data: its name; the release's if not given.")
    ] = None,
    author: Annotated[
        list[str] | None,
        typer.Option("--author", help="Own data: who made it; again for each person."),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option("--license", help="Own data: licence of texts and labels, such as cc-by-4.0."),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option("--language", help="Own data: language of its texts, such as en; repeatable."),
    ] = None,
    figures: Annotated[bool, typer.Option(help="Draw figures (needs matplotlib).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Turn a human-annotated set, published or your own, into a release.

    Kinds: alignbench, aro, chocolate, faithscore, foil, hat, mhaldetect, nocaps_foil, own,
    rich_hf, seetrue_feedback, sugarcrepe, winoground, and those of installed plug-ins; own is data
    of yours in AlignBench's columns. The release verifies and is evaluated like any other;
    import-report.json in it names all that could not be placed.
    """
    from alignbench.flows.imports import import_set
    from alignbench.schemas.importing import OwnTerms

    where = _images(images, fetch=fetch_images, allow_private=allow_private_addresses)
    own = OwnTerms(title, tuple(author or ()), licence, tuple(language or ()))
    done = import_set(kind, files, to, where, mapping, own, figures=figures)
    if as_json:
        print_json(_as_json(done))
    else:
        _say(done)


def _images(
    folder: Path | None, *, fetch: bool, allow_private: bool
) -> "NoImages | FolderImages | FetchedImages":
    from alignbench.flows.intake.imported_images import FetchedImages, FolderImages, NoImages

    if folder is not None and fetch:
        raise UsageError("--images and --fetch-images were both given.", "Choose one.")
    if folder is not None:
        return FolderImages(folder)
    return FetchedImages(allow_private_addresses=allow_private) if fetch else NoImages()


def _as_json(done: "ImportedRelease") -> JsonValue:
    counts, imported = done.manifest.counts, done.manifest.imported
    assert imported is not None  # noqa: S101 - every import has a record
    return {
        "release": done.address,
        "built": done.built,
        "sentences": counts.sentences,
        "by_model": {name: part.model_dump() for name, part in counts.by_model.items()},
        "images": counts.images.model_dump(),
        "counts": imported.counts,
        "unplaced": imported.unplaced,
        "mapping": imported.mapping,
        "license": imported.license,
    }


def _say(done: "ImportedRelease") -> None:
    imported = done.manifest.imported
    assert imported is not None  # noqa: S101 - every import has a record
    # What a word of ours became is not news.
    others = [(word, ours) for word, ours in imported.mapping.items() if word.lower() != ours]
    if others:
        print_table(["the set says", "here"], others)
    rows = [
        (name, part.sentences, part.correct, part.incorrect, part.unknown)
        for name, part in done.manifest.counts.by_model.items()
    ]
    print_table(["model", "sentences", "correct", "incorrect", "unknown"], rows)
    print_table(["counted in the set", "number"], list(imported.counts.items()))
    for why, number in imported.unplaced.items():
        say(f"{why}: {number:,}")
        for item in [item for item in done.notes.unplaced if item.why == why][:_MOST_NAMED]:
            say(f"  {item.origin}: {item.text!r}")
    if imported.license is None:
        own = imported.published_at is None
        say("No licence is stated: --license." if own else "The set states no licence.")
    pictures = done.manifest.counts.images
    say(f"Images: {pictures.embedded:,} of {pictures.total:,} in the release")
    say(f"Release: {done.address}" if done.built else f"{done.address} is there and unchanged")
