"""Prompts that a language model writes, behind an endpoint that speaks the OpenAI protocol."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from alignbench.generators.errors import InputFileError, TooFewPromptsError
from alignbench.generators.prompts.journal import NEAR_DUPLICATE, Draw, Journal
from alignbench.generators.prompts.near_duplicates import NearDuplicates
from alignbench.generators.prompts.scene_draws import SceneDraw, draw_scene
from alignbench.generators.sources.paths import configured_path
from alignbench.models.endpoint.chat import PATH, ChatParams, chat_request
from alignbench.models.endpoint.chat_replies import read_chat
from alignbench.models.endpoint.client import Endpoint, Session
from alignbench.models.endpoint.options import EndpointOptions, refusal
from alignbench.models.endpoint.stream import answered
from alignbench.models.errors import EndpointDownError, EndpointRefusedError
from alignbench.schemas import ids
from alignbench.schemas.configuration.mistakes import refusing
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.item_codes import shorten
from alignbench.schemas.plugins import PromptSourceBase
from alignbench.schemas.protocols import Generation, ItemFailure, PromptItem, Surroundings
from alignbench.schemas.spending import BudgetReachedError
from alignbench.schemas.text import clean_text

TEMPLATE: Final = Path(__file__).with_name("scene_v1.txt")
"""The instruction; a changed one gets a new number, since prompts belong to the one they had."""

_ROUND: Final = 256
_DRAWS_FOR_EACH: Final = 3
_SPARE_DRAWS: Final = 20

_distinct = refusing(
    lambda words: len(set(words)) < len(words) or not all(word.strip() for word in words),
    "a concept is empty or given twice",
    "Give each concept once.",
)


class LlmPromptsOptions(EndpointOptions):
    """A language model, and what it is to write about.

    Attributes:
        model: The name under which the server serves it.
        concepts: What scenes are made of, such as `dog` or `red kite`.
        count: How many prompts are wanted.
        concepts_per_prompt: How many concepts a scene has.
        seed: Of the draws. The same seed and concepts give the same scenes to be described.
        similarity: The share of three-word runs in common (see `near_duplicates`) from which a
            prompt counts as one that is already there, and is dropped.
        params: What is sent beside model and messages.
        send_seed: Whether each draw's seed is sent.
        template: A file with another instruction; slots as in the built-in one (`scene_v1.txt`).
    """

    model: Annotated[str, Field(min_length=1)]
    concepts: Annotated[tuple[str, ...], AfterValidator(_distinct), Field(min_length=2)]
    count: Annotated[int, Field(ge=1, le=1_000_000)]
    concepts_per_prompt: Annotated[int, Field(ge=2, le=20)] = 3
    seed: Annotated[int, Field(ge=0)] = 0
    similarity: Annotated[float, Field(gt=0, le=1)] = 0.5
    params: ChatParams = ChatParams()
    send_seed: bool = True
    template: str | None = None

    @model_validator(mode="after")
    def _has_enough_concepts(self) -> Self:
        needed, given = self.concepts_per_prompt, len(self.concepts)
        if given < needed:
            raise refusal(
                f"there are {given} concepts, and each prompt is to have {needed}",
                "Give more concepts, or a smaller concepts_per_prompt.",
            )
        return self


class LlmPrompts(PromptSourceBase[LlmPromptsOptions]):
    """Descriptions of drawn scenes, near-duplicates dropped.

    What the model wrote is kept in `prompts/<name>-<id>.jsonl` beside the configuration, where `id`
    stands for everything that is asked: the next run takes it from there, a killed run goes on
    after the last whole line, a larger `count` only asks for what is missing.
    """

    def load(self) -> None:
        """Reads the template, and finds the file of what was written before."""
        self._name = self.surroundings.name
        self._template = _template(self.options, self.surroundings)
        name = f"{self._name}-{self._asked_id()[:12]}.jsonl"
        self._path = self.surroundings.folder / "prompts" / name
        self._journal = Journal(self._path)

    def prompts(self) -> Iterator[PromptItem]:
        """Has the missing prompts written, then yields all.

        Raises:
            TooFewPromptsError: The model did not write enough different ones.
            EndpointDownError: The server does not answer, for longer than the patience.
            EndpointRefusedError: The server refuses the key, the model or the address.
            InputFileError: The file of what was written before is damaged.
        """
        self.complete()
        return self.known_prompts()

    def known_prompts(self) -> Iterator[PromptItem]:
        """Yields the prompts that were written before; nothing is asked."""
        return islice(self._journal.prompts(), self.options.count)

    def missing(self) -> int:
        """Returns how many prompts are still to be written."""
        return self.options.count - sum(1 for _ in self.known_prompts())

    def example_request(self) -> str:
        """Returns the instruction of the first scene."""
        options = self.options
        scene = draw_scene(0, options.seed, options.concepts, options.concepts_per_prompt)
        return scene.instruction(self._template)

    def complete(self, most: int | None = None) -> int:
        """Has missing prompts written, all or at most so many; raises as `prompts` does.

        Returns:
            How many were written and kept.
        """
        draws = list(self._journal.draws())
        kept = [draw.prompt for draw in draws if draw.kept and draw.prompt is not None]
        wanted = self.options.count if most is None else min(self.options.count, len(kept) + most)
        if len(kept) >= wanted:
            return 0
        known = NearDuplicates(self.options.similarity)
        for text in kept:
            known.keep(text)
        self._write(len(draws), len(kept), wanted, known)
        return wanted - len(kept)

    def _write(self, first: int, kept: int, wanted: int, known: NearDuplicates) -> None:
        """Has prompts written in rounds, from a first draw on, until there are enough."""
        most = first + (wanted - kept) * _DRAWS_FOR_EACH + _SPARE_DRAWS
        # Made only here: prompts that are all there need no key.
        endpoint = Endpoint(self.options, self.options.model)
        number, last_kept, why = first, first, ""
        with self._journal as journal:
            while kept < wanted:
                size = min(wanted - kept, _ROUND)
                for scene, answer in self._round(endpoint, number, size):
                    draw = _judged(scene, answer, known)
                    journal.write(draw)
                    kept += draw.kept
                    number += 1
                    last_kept, why = (number, why) if draw.kept else (last_kept, str(draw.why))
                if kept < wanted and (number >= most or number - last_kept >= _SPARE_DRAWS):
                    raise self._too_few(kept, number - first, why)

    def _round(
        self, endpoint: Endpoint, start: int, size: int
    ) -> Iterator[tuple[SceneDraw, Generation | ItemFailure]]:
        options = self.options
        draws = [
            draw_scene(number, options.seed, options.concepts, options.concepts_per_prompt)
            for number in range(start, start + size)
        ]
        answers: dict[int, Generation | ItemFailure] = {}
        ended: AlignBenchError | None = None
        try:
            answers.update(answered(endpoint, iter(draws), self._ask))
        except (BudgetReachedError, EndpointDownError, EndpointRefusedError) as error:
            ended = error  # what was answered before is paid for
        for place, draw in enumerate(draws):
            if place not in answers:
                break
            yield draw, answers[place]
        if ended is not None:
            raise ended

    async def _ask(self, session: Session, draw: SceneDraw) -> Generation | ItemFailure:
        message = {"role": "user", "content": draw.instruction(self._template)}
        seed = draw.seed if self.options.send_seed else None
        asked = chat_request(self.options.model, [message], self.options.params, seed)
        return await session.ask(PATH, asked, partial(read_chat, engine={}, keep_truncated=False))

    def _too_few(self, kept: int, drawn: int, why: str) -> TooFewPromptsError:
        return TooFewPromptsError(
            f"{self._name!r} got {kept:,} different prompts of the {self.options.count:,} wanted "
            f"in {drawn:,} attempts, listed in {self._path}; the last was dropped as {why}.",
            "Give more concepts, a higher temperature or a higher similarity, or lower the count.",
        )

    def _asked_id(self) -> str:
        """Returns what stands for all that is asked, but not how often or of which server."""
        options = self.options
        return ids.derive_id(
            options.model,
            options.concepts,
            options.concepts_per_prompt,
            options.seed,
            options.similarity,
            options.params.model_dump(mode="json", exclude_unset=True),
            options.send_seed,
            self._template,
        )


def _judged(scene: SceneDraw, answer: Generation | ItemFailure, known: NearDuplicates) -> Draw:
    line = partial(Draw, draw=scene.number, concepts=scene.concepts)
    if isinstance(answer, ItemFailure):
        return line(kept=False, why=f"{answer.code}: {shorten(answer.message, 300)}")
    text = " ".join(clean_text(answer.text).text.split())
    if known.keep(text):
        return line(kept=True, prompt=text)
    return line(kept=False, prompt=text, why=NEAR_DUPLICATE)


def _template(options: LlmPromptsOptions, surroundings: Surroundings) -> str:
    path = TEMPLATE
    if options.template is not None:
        path = configured_path(options.template, surroundings)
    try:
        text = path.read_text(encoding="utf-8")
        draw_scene(0, 0, options.concepts, options.concepts_per_prompt).instruction(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(f"{path} cannot be read: {error}.", "Give a text file.") from None
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise InputFileError(
            f"{path} has a slot that is not known, or a brace that stands alone: {error}.",
            f"Use the slots of {TEMPLATE.name}; write a literal brace as {{{{ or }}}}.",
        ) from None
    return text
