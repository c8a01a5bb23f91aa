"""questions release: questions, answers, judgements and ratings become a dataset.

What comes in: the questions, and what the configured models, rewriters and judges made of them;
people's ratings. What goes out: `releases/<name>/<version>/`, which exists once `SHA256SUMS` does
and never changes. It asks no model.
"""

from typing import Any, NamedTuple

from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.selected.answerers import answering_models
from alignbench.flows.selected.judges import planned_judges
from alignbench.flows.selected.rewriters import planned_rewriters
from alignbench.release.publishing.upload import UploadReport, upload_release
from alignbench.release.questions.build import QuestionReleaseReport, build_question_release
from alignbench.release.questions.contents import SelectedForRelease
from alignbench.schemas.configuration.config import Config


class QuestionsReleased(NamedTuple):
    """What `release_questions` did.

    Attributes:
        release: The release.
        upload: Where it was published too; None if nowhere.
    """

    release: QuestionReleaseReport
    upload: UploadReport | None


def release_questions(address: str, to: str | None = None) -> QuestionsReleased:
    """Writes the release of questions that the configuration names, and verifies it first.

    Args:
        address: The workspace.
        to: An `s3://bucket/prefix` where the release is published too, as the latest of its name.

    Raises:
        NoQuestionsError: There is no question that may be released.
        ReleaseExistsError: That version is there already, made from something else.
    """
    run = open_run(address)
    done = build_question_release(
        run.workspace, _selected(run), run.config.questions, _published(run.config)
    )
    return QuestionsReleased(done, None if to is None else upload_release(done.address, to))


def _selected(run: Run) -> SelectedForRelease:
    rewriters, judges = planned_rewriters(run), planned_judges(run)
    writers = [one.writer.row.generator_id for one in rewriters]
    responders = [row.generator_id for row in answering_models(run)]
    roles = {
        **dict.fromkeys((one.checker.row.generator_id for one in rewriters), "checks variants"),
        **dict.fromkeys(writers, "writes variants"),
        **dict.fromkeys(responders, "answers"),
        **dict.fromkeys((one.row.generator_id for one in judges), "judges"),
    }
    return SelectedForRelease(
        roles, writers, responders, {one.row.judge_id: one.config.samples for one in judges}
    )


def _published(config: Config) -> dict[str, Any]:
    """Returns what a release tells of the configuration that it was made by.

    Listed, not filtered: paths, addresses and plug-ins' own options are the operator's business.
    """
    model = {"name", "backend", "repo", "revision", "family", "samples", "params"}
    return config.model_dump(
        mode="json",
        include={
            "name": True,
            "captioners": {"__all__": model},
            "rewriters": {"__all__": model | {"styles", "checked_by"}},
            "judges": {"__all__": model | {"rubric", "system_turn", "structured"}},
            "questions": {"release", "sets"},
        },
    )
