"""`verify` names file, row and rule of whatever is wrong with a release."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from alignbench.release.verify.report import Rule, VerifyReport
from alignbench.release.verify.verify import verify
from alignbench.release_format.errors import NotAReleaseError
from tests.release.corruption import DATA, change_rows, change_text, reseal
from tests.release.damages import DAMAGES, flip_a_bit
from tests.release.forgeries import FORGERIES


@pytest.fixture
def release(released: Path, tmp_path: Path) -> Path:
    """A copy of a release that a test may damage."""
    return Path(shutil.copytree(released, tmp_path / "release"))


def codes(report: VerifyReport) -> set[str]:
    return {finding.rule for finding in report.findings}


def test_an_untouched_release_keeps_every_rule(released: Path):
    report = verify(released)
    assert report.ok
    assert report.findings == ()
    assert (report.rows, report.votes) == (20, 48)
    assert report.files == sum(path.is_file() for path in released.rglob("*"))


def test_a_relative_path_and_a_trailing_slash_are_fine(released: Path, monkeypatch):
    monkeypatch.chdir(released.parent)
    assert verify(released.name).ok
    assert verify(f"{released}/").ok
    monkeypatch.chdir(released)
    assert verify(".").ok


def test_nothing_at_the_address_is_a_clear_error(tmp_path: Path):
    with pytest.raises(NotAReleaseError, match="SHA256SUMS"):
        verify(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("damage", "rule", "place"), DAMAGES, ids=lambda value: getattr(value, "__name__", "")
)
def test_damage_is_found_with_its_file_and_rule(
    release: Path, damage: Callable[[Path], None], rule: Rule, place: str
):
    damage(release)
    report = verify(release)
    assert not report.ok
    found = [str(finding) for finding in report.findings if finding.rule is rule]
    assert any(text.startswith(f"{place}") and rule.value in text for text in found), (
        report.findings
    )


@pytest.mark.parametrize("name", FORGERIES)
def test_what_follows_from_other_data_cannot_be_changed_alone(release: Path, name: str):
    forge, rule, place = FORGERIES[name]
    forge(release)
    found = [str(finding) for finding in verify(release).findings]
    assert any(text.startswith(place) and f"{rule.value} " in text for text in found), found


def test_each_rule_is_broken_by_some_damage():
    of_questions = {Rule.REFERENCE}  # broken in tests/flows/test_question_release.py
    broken = {rule for _, rule, _ in (*DAMAGES, *FORGERIES.values())}
    assert broken == set(Rule) - of_questions


def test_the_hashes_of_a_sample_are_checked_and_all_of_them_on_request(release: Path, monkeypatch):
    FORGERIES["one bit of a hash"][0](release)
    monkeypatch.setattr("alignbench.release.verify.images.HASHED_IMAGES", 1)
    assert verify(release).ok
    assert codes(verify(release, every_image=True)) == {"R30"}


def test_a_card_of_another_version_is_compared_by_its_facts(release: Path):
    """Its wording is that version's; what it says of files and licence must be right."""
    record = json.loads((release / "release.json").read_text())
    (release / "release.json").write_text(json.dumps({**record, "texts": "f" * 32}))
    change_text(release, "README.md", "## What is in it", "## Contents")
    assert verify(release).ok
    change_text(release, "README.md", 'license: "cc-by-4.0"', 'license: "mit"')
    assert codes(verify(release)) == {"R23"}


def test_a_shard_that_tampering_left_consistent_in_itself_still_fails_its_checksum(release: Path):
    flip_a_bit(release)
    assert Rule.FILE_CHANGED in codes(verify(release))


def test_findings_are_bounded_in_number_but_counted(release: Path, monkeypatch):
    monkeypatch.setattr("alignbench.release.verify.report.MOST_FINDINGS", 2)
    change_rows(release, DATA, lambda rows: [row.update(agreement_ratio=0.1) for row in rows])
    report = verify(release)
    assert report.broken["R16"] > 2
    assert sum(finding.rule is Rule.LABEL for finding in report.findings) == 2


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket of an S3 server over HTTP."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    bucket = boto3.resource("s3").create_bucket(Bucket="releases")
    yield bucket
    server.stop()


def test_a_release_in_a_bucket_is_verified_there(released: Path, bucket):
    for path in released.rglob("*"):
        if path.is_file():
            bucket.upload_file(str(path), f"small/1.0.0/{path.relative_to(released).as_posix()}")
    assert verify("s3://releases/small/1.0.0").ok
    bucket.Object(f"small/1.0.0/{DATA}").delete()
    assert Rule.FILE_MISSING in codes(verify("s3://releases/small/1.0.0"))
    with pytest.raises(NotAReleaseError, match="bucket"):
        verify("s3://releases")


def test_intervals_of_an_older_version_are_not_compared(release: Path):
    """It drew images again, so its bounds are others; all else must be right all the same."""
    table = release / "statistics/agreement_by_model.csv"
    names, *rows = [line.split(",") for line in table.read_text().splitlines()]
    low = names.index("percent_agreement_low")
    for row in rows:
        row[low] = "0.125"
    table.write_text("\n".join(map(",".join, [names, *rows])) + "\n")
    reseal(release)
    assert "R22" in codes(verify(release))
    change_text(release, "release.json", '"intervals": "jackknife over images",', "")
    assert codes(verify(release)) == {"R26"}  # its figures show what they had


def test_a_manifest_that_is_nested_too_deep_to_be_read_is_a_finding(tmp_path):
    (tmp_path / "release.json").write_text("[" * 100_000)
    (tmp_path / "SHA256SUMS").write_text("")
    assert not verify(tmp_path).ok
