"""`questions`: questions about images, whose answers are judged."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alignbench.cli.rounds import checked_round
from alignbench.schemas.errors import UsageError
from alignbench.schemas.vocabulary import RATING_ROUND, VARIANT_ROUND
from alignbench.terminal.output import print_json, print_table, say

if TYPE_CHECKING:
    from alignbench.judging.questions.entries import Kind
    from alignbench.schemas.protocols import ItemFailureAt

_SHOWN_FAILURES = 10


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(
        name="questions", help="Questions about images, for models to answer.", no_args_is_help=True
    )
    group.command("import")(import_)
    group.command("answers")(answers)
    group.command("check")(check)
    group.command("sample")(sample)
    group.command("report")(report)
    group.command("release")(release)
    group.command("export")(export)
    app.add_typer(group)


def import_(
    context: typer.Context,
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="'alignmmbench', or 'own' for a file of your own.")
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines or Parquet.")],
    images: Annotated[
        Path | None, typer.Option("--images", help="The folder that image names are relative to.")
    ] = None,
    tasks: Annotated[
        Path | None, typer.Option("--tasks", help="A TOML file of your own tasks.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the set; else KIND, or FILE's name.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Bring in questions from a file; what is odd about them is counted, never repaired."""
    from alignbench.flows.questions.importing import import_questions

    done = import_questions(context.obj.workspace, _kind(kind), file, name, images, tasks)
    if as_json:
        print_json(done.document())
    else:
        found = done.census
        say(
            f"questions: {done.added:,} added, {done.renewed:,} given their image or another "
            f"category, {done.unchanged:,} unchanged"
        )
        say(
            f"  {found.questions:,} questions in {found.clusters:,} clusters about "
            f"{found.images:,} images; {found.comparable_clusters:,} clusters have variants to "
            "compare"
        )
        if done.without_image:
            say(f"  {done.without_image:,} without an image: give its folder with --images")
        odd = [(what, count) for what, count in found.quirks.items() if count]
        odd += [("cluster that repeats a prompt", found.repeated_prompts)]
        odd += [("image of several clusters", found.shared_images)]
        print_table(("kept as it is", "how many"), [row for row in odd if row[1]])
        _say_failures(done.failures)
    if done.failures:
        raise typer.Exit(1)


def answers(
    context: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="'alignmmbench' (question_id, predict), or 'own' (cluster, variant, answer).",
        ),
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines or Parquet.")],
    model: Annotated[str, typer.Option("--model", help="The model's name, in every figure.")],
    source: Annotated[
        str | None, typer.Option("--set", help="The questions' set, if there are several.")
    ] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="The model did not see the images.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Bring in what a model answered elsewhere, to be judged and rated here."""
    from alignbench.flows.questions.answer_import import import_answers

    done = import_answers(context.obj.address, _kind(kind), file, model, source, blind=blind)
    if as_json:
        print_json(done.document())
    else:
        say(f"questions: answers of {model}: {done.added:,} added, {done.unchanged:,} unchanged")
        if done.unanswered:
            have = "1 question of the set has" if done.unanswered == 1 else (
                f"{done.unanswered:,} questions of the set have"
            )  # fmt: skip
            say(f"  {have} none")
        _say_failures(done.failures)
    if done.failures:
        raise typer.Exit(1)


def sample(
    context: typer.Context,
    units: Annotated[
        int, typer.Argument(min=1, metavar="NUMBER", help="How many questions to draw.")
    ],
    clusters: Annotated[
        bool, typer.Option("--clusters", help="Draw so many clusters, all variants of each.")
    ] = False,
    name: Annotated[
        str, typer.Option("--round", help="The round that people rate it in.")
    ] = RATING_ROUND,
    correlation: Annotated[
        float,
        typer.Option(min=0, max=1, help="How far the judge is supposed to agree with people."),
    ] = 0.6,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what so many ratings would buy.")
    ] = False,
) -> None:
    """Draw the questions whose answers people rate once 'push' sends them; say what ratings buy."""
    from alignbench.flows.questions.sample import draw_questions
    from alignbench.judging.calibration.rated_sample import Unit

    checked_round(name)
    kind = Unit.CLUSTER if clusters else Unit.QUESTION
    found = draw_questions(context.obj.address, units, kind, name, correlation, keep=not dry_run)
    say(f"questions: {found.drawn:,} of {len(found.rows):,} questions drawn for round {name}")
    print_table(
        ("questions rated", "width expected", "by people alone"),
        [
            (one.ratings, f"{one.calibrated:.2f}", f"{one.people_only:.2f}")
            for one in found.expected
        ],
    )
    if dry_run:
        say("  nothing was kept: this was a dry run")
    else:
        say(f"Next: 'alignbench push --round {name}', which sends their answers to people.")


def check(
    context: typer.Context,
    number: Annotated[
        int | None,
        typer.Argument(min=1, metavar="NUMBER", help="How many; else all that were accepted."),
    ] = None,
    name: Annotated[
        str, typer.Option("--round", help="The round that people are asked in.")
    ] = VARIANT_ROUND,
    people: Annotated[
        int | None,
        typer.Option(min=1, help="How many are asked about each; else as many as of sentences."),
    ] = None,
) -> None:
    """Draw questions in other words for people to say, after 'push', whether they ask the same."""
    from alignbench.flows.questions.check import draw_variants_to_check

    checked_round(name)
    found = draw_variants_to_check(context.obj.address, number, name, people)
    asked = "1 person" if found.form.most == 1 else f"{found.form.most} people"
    say(
        f"questions: {found.added:,} in other words drawn for round {name}, which asks {asked} "
        f"about each of {found.drawn:,}; models accepted {found.accepted:,}"
    )
    say(f"Next: 'alignbench push --round {name}', which sends them to people.")


def report(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write to; else in the workspace.")
    ] = None,
    figures: Annotated[bool, typer.Option(help="Draw figures; needs the extra 'figures'.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write what judges and people say of the answers: a page, CSV and LaTeX."""
    from alignbench.flows.questions.report import question_report

    done = question_report(context.obj.address, out, figures=figures)
    if as_json:
        results = {name: table.to_pylist() for name, table in done.tables.items()}
        print_json({"report": str(done.page), "notes": list(done.notes), "results": results})
    else:
        say(f"questions: report written to {done.page}")


def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines to write.")],
    judge: Annotated[
        str | None,
        typer.Option("--judge", help="This judge's scores and reasons; else people's ratings."),
    ] = None,
    rubric: Annotated[
        str | None, typer.Option("--rubric", help="A rubric's name, or a file; else the judge's.")
    ] = None,
    with_reason: Annotated[
        bool, typer.Option("--with-reason", help="Leave out what was rated without a reason.")
    ] = False,
) -> None:
    """Write answers with ratings and reasons as conversations to train a critic on."""
    from alignbench.flows.questions.export import export_ratings

    found = export_ratings(
        context.obj.address, file, judge=judge, rubric=rubric, only_with_reason=with_reason
    )
    say(
        f"questions: {found.conversations:,} conversations about {found.answers:,} answers, "
        f"{found.with_reason:,} with a reason: {found.path}"
    )


def release(
    context: typer.Context,
    to: Annotated[
        str | None,
        typer.Option(metavar="S3", help="Also publish it, to NAME/VERSION/ under s3://..."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write questions, answers, judgements and ratings, verified, to releases/NAME/VERSION/."""
    from alignbench.flows.questions.release import release_questions

    done = release_questions(context.obj.address, to)
    manifest, sent = done.release.manifest, done.upload
    if as_json:
        print_json(
            {
                "address": done.release.address,
                "built": done.release.built,
                "rows": manifest.rows,
                "images": manifest.images.model_dump(),
                "left_out": manifest.left_out.model_dump(mode="json"),
                "upload": None if sent is None else sent._asdict(),
            }
        )
        return
    print_table(("table", "rows"), list(manifest.rows.items()))
    images, left_out = manifest.images, manifest.left_out
    say(f"  {images.embedded:,} images embedded, {images.missing:,} questions have none")
    if images.withheld:
        say(f"  {images.withheld:,} images left out: they may not be passed on")
    if left_out.sets:
        say(
            f"  left out whole: {', '.join(left_out.sets)} ({left_out.questions:,} questions, "
            f"{left_out.responses:,} answers): they may not be passed on"
        )
    if sent is not None:
        say(f"  {sent.address}: {sent.sent:,} files sent, {sent.there:,} were there")
    state = "" if done.release.built else " is there and unchanged"
    say(f"questions: {done.release.address}{state}")


def _kind(name: str) -> "Kind":
    from alignbench.judging.questions.entries import Kind
    from alignbench.schemas.registry import suggestion

    kinds = [known.value for known in Kind]
    if name not in kinds:
        raise UsageError(f"There is no kind of questions {name!r}.", suggestion(name, kinds))
    return Kind(name)


def _say_failures(failures: "Sequence[ItemFailureAt]") -> None:
    for at in failures[:_SHOWN_FAILURES]:
        say(f"  {at.failure.code}: {at.failure.message}")
    if len(failures) > _SHOWN_FAILURES:
        say(f"  and {len(failures) - _SHOWN_FAILURES:,} more; --json lists all")
