"""What a judge is asked about one answer: the answer cannot speak to it (`judging.marked_text`)."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from alignbench.judging.critic.rubric import Rubric
from alignbench.judging.marked_text import mark_of, marked_text
from alignbench.judging.questions.tasks import Task
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.rows.questions import Turn


class Answered(NamedTuple):
    """An answer, and what it is an answer to.

    Attributes:
        history: Earlier turns.
        question: What was asked.
        reference: What a person answered.
        answer: What the model answered.
    """

    history: Sequence[Turn]
    question: str
    reference: str
    answer: str


class JudgePrompt(NamedTuple):
    """What a judge is sent.

    Attributes:
        system: What it is to do, by which rules.
        user: What it is to rate.
        mark: What stands on the lines around each text of others.
        broken_tokens: How many turn tokens were broken up.
    """

    system: str
    user: str
    mark: str
    broken_tokens: int


def judge_prompt(rubric: Rubric, task: Task, answered: Answered) -> JudgePrompt:
    """Returns what a judge is asked about one answer.

    Args:
        rubric: What it goes by.
        task: The kind of question.
        answered: The answer and what it is an answer to.
    """
    words = rubric.words
    turns = [[turn.user, turn.assistant] for turn in answered.history]
    mark = mark_of([turns, *answered[1:]])
    system = [rubric.role.strip(), "", words.scale]
    system += [f"{_points(level.from_, level.to)}: {level.says}" for level in rubric.levels]
    system += ["", words.rules, *(f"- {rule}" for rule in rubric.rules), ""]
    system.append(words.task.format(task=task.name))
    if notes := task.notes.get(rubric.language):
        system.append(words.notes.format(notes=notes))
    system += ["", words.material.format(mark=mark), "", _reply(rubric)]
    parts = []
    for number, turn in enumerate(answered.history, start=1):
        parts.append((f"{words.history} {number} - {words.user}", turn.user))
        parts.append((f"{words.history} {number} - {words.assistant}", turn.assistant))
    parts.append((words.question, answered.question))
    parts.append((words.reference, answered.reference))
    parts.append((words.answer, answered.answer))
    shown = marked_text(mark, parts, words.begin, words.end)
    user = f"{shown.text}\n\n{_reply(rubric)}"
    return JudgePrompt("\n".join(system), user, mark, shown.broken_tokens)


def reply_schema(rubric: Rubric) -> dict[str, JsonValue]:
    """Returns the JSON Schema of a reply, for servers that can hold a model to one.

    The reason comes first, so that a rating follows from it.
    """
    return {
        "type": "object",
        "properties": {
            "reason": {"type": "string"},
            "rating": {"type": "number", "minimum": rubric.lowest, "maximum": rubric.highest},
        },
        "required": ["reason", "rating"],
        "additionalProperties": False,
    }


def rated_reply(reason: str | None, rating: float) -> str:
    """Returns what a judge replies that gives this rating for this reason."""
    value = int(rating) if rating.is_integer() else rating
    return json.dumps({"reason": reason or "", "rating": value}, ensure_ascii=False)


def _points(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g}-{high:g}"


def _reply(rubric: Rubric) -> str:
    return rubric.words.reply.format(lowest=f"{rubric.lowest:g}", highest=f"{rubric.highest:g}")
