"""The images that models were asked about."""

from collections.abc import Mapping

from alignbench.schemas.tables import QUESTIONS, VARIANTS
from alignbench.workspace.workspace import Workspace


def images_of_asked(workspace: Workspace) -> Mapping[str, str | None]:
    """Returns the image of every question and variant by its id; None until it is imported."""
    questions = workspace.table(QUESTIONS).read(["question_id", "image_id"])
    columns = (questions[name].to_pylist() for name in ("question_id", "image_id"))
    images: dict[str, str | None] = dict(zip(*columns, strict=True))
    variants = workspace.table(VARIANTS).read(["variant_id", "question_id"])
    for variant, question in zip(
        *(variants[name].to_pylist() for name in ("variant_id", "question_id")), strict=True
    ):
        images[variant] = images.get(question)
    return images
