import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignbench.generators.errors import InputFileError
from alignbench.generators.sources.urls import UrlsOptions, UrlsSource
from alignbench.schemas.errors import MissingExtraError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import Surroundings

SortOut = Callable[..., tuple[list[Any], list[Any]]]


def source(folder: Path, urls: list[str], **options: Any) -> UrlsSource:
    (folder / "urls.csv").write_text("url\n" + "".join(f'"{url}"\n' for url in urls))
    return UrlsSource(UrlsOptions(path="urls.csv", **options), Surroundings("web", folder))


def test_items_have_the_url_as_locator_and_a_name(tmp_path: Path, sort_out: SortOut) -> None:
    urls = ["http://a.example/x/y%20z.jpg?s=1", "https://a.example", "http://a.example/x/"]
    items, failures = sort_out(source(tmp_path, urls, license="MIT").items())
    assert failures == []
    assert [item.locator for item in items] == urls
    assert [item.image_url for item in items] == urls
    assert [item.image_name for item in items] == ["y z.jpg", "a.example", "x"]
    assert {item.license for item in items} == {"MIT"}


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://a.example/x", "/x.png", "http://", "http://[::1/x", "a b",
     "http://me:secret@a.example/x"],
)  # fmt: skip
def test_what_is_not_a_plain_web_address_fails_where_it_stands(
    tmp_path: Path, sort_out: SortOut, url: str
) -> None:
    items, (failure,) = sort_out(source(tmp_path, ["http://a.example/", url]).items())
    assert len(items) == 1
    assert failure.locator == "urls.csv:3"
    assert failure.failure.code == ItemCode.URL_INVALID
    assert "secret" not in failure.failure.message


def test_columns_with_names_licences_and_captions_are_read(
    tmp_path: Path, sort_out: SortOut
) -> None:
    (tmp_path / "urls.csv").write_text(
        "link,title,license,redistributable,text,by\n"
        "http://a.example/1,One,CC0-1.0,no,A cat.,m\n"
        "http://a.example/1,One,,,A dog.,n\n"
    )
    options = UrlsOptions(
        path="urls.csv", url_column="link", name_column="title", caption_column="text",
        model_column="by",
    )  # fmt: skip
    items, failures = sort_out(UrlsSource(options, Surroundings("web", tmp_path)).items())
    assert failures == []
    assert [(i.image_name, i.license, i.redistributable, i.caption_model) for i in items] == [
        ("One", "CC0-1.0", False, "m"),
        ("One", None, None, "n"),
    ]
    assert len({item.locator for item in items}) == 2
    assert items[0].image_url == "http://a.example/1"


def test_captions_without_a_model_are_refused_in_the_options() -> None:
    with pytest.raises(ValueError, match="caption_model or model_column"):
        UrlsOptions(path="x", caption_column="text")


def test_a_list_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"nothing\.csv"):
        UrlsSource(UrlsOptions(path="nothing.csv"), Surroundings("web", tmp_path))


def test_without_httpx_the_extra_to_install_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=r"alignbench\[pipeline\]"):
        source(tmp_path, ["http://a.example/"])


def test_the_options_can_be_checked_without_httpx() -> None:
    program = (
        "import sys; sys.modules.update(httpx=None, httpcore=None);"
        "from generators.sources.urls import UrlsOptions; UrlsOptions(path='x')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
