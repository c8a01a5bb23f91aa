import json
from pathlib import Path

import pytest

from alignbench.generators.errors import InputFileError
from alignbench.generators.prompts.file import PromptFile, PromptFileOptions
from alignbench.schemas.protocols import PromptItem, PromptSource, Surroundings


def prompts(folder: Path, name: str, text: str) -> list[PromptItem]:
    (folder / name).write_text(text)
    source: PromptSource = PromptFile(PromptFileOptions(path=name), Surroundings("p", folder))
    return list(source.prompts())


def test_each_line_of_a_text_file_is_a_prompt_and_blank_lines_are_not(tmp_path: Path) -> None:
    text = "\ufeffA red cube.\r\n\n   \n  Two cats, one dog. 🐈 \x00\n{not JSON}"
    assert prompts(tmp_path, "prompts.txt", text) == [
        PromptItem("A red cube."),
        PromptItem("Two cats, one dog. 🐈"),
        PromptItem("{not JSON}"),
    ]


def test_json_lines_may_say_what_a_prompt_is_about(tmp_path: Path) -> None:
    lines = [
        {"prompt": "A red cube.", "concepts": ["red", "cube"]},
        {"text": "A cat."},
        {"prompt": "A dog.", "text": "ignored", "concepts": None},
    ]
    text = "\n\n".join(map(json.dumps, lines))
    assert prompts(tmp_path, "prompts.jsonl", text) == [
        PromptItem("A red cube.", ("red", "cube")),
        PromptItem("A cat."),
        PromptItem("A dog."),
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "not JSON"),
        ('{"concepts": []}', "no text"),
        ('{"prompt": "  "}', "no text"),
        ('{"prompt": ["a"]}', "should be text"),
        ('{"prompt": "a", "concepts": "b"}', "should be a list of words"),
        ('{"prompt": "a", "concepts": [1]}', "should be a list of words"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, what: str) -> None:
    with pytest.raises(InputFileError, match=rf"prompts\.jsonl:2.*{what}"):
        prompts(tmp_path, "prompts.jsonl", '{"prompt": "A cat."}\n' + line)


def test_a_file_that_is_not_text_or_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_bytes(b"\xff\xfe\x00")
    source = PromptFile(PromptFileOptions(path="prompts.txt"), Surroundings("p", tmp_path))
    with pytest.raises(InputFileError, match="UTF-8"):
        list(source.prompts())
    with pytest.raises(InputFileError, match=r"nothing\.txt"):
        PromptFile(PromptFileOptions(path="nothing.txt"), Surroundings("p", tmp_path))
