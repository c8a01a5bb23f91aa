"""What a failed start says and leaves behind.

Label Studio's Python is replaced by scripts that fail on purpose: a double, as the real server
cannot be made to fail in these ways at will.
"""

import stat
from pathlib import Path

import pytest

from alignbench.services import ServiceName, ServiceStatus, read_credentials, status, up
from alignbench.services.credentials import credentials_path
from alignbench.services.errors import (
    CredentialsError,
    LabelStudioNotInstalledError,
    ServiceDiedError,
    ServiceTimeoutError,
)
from alignbench.services.process import birth_mark
from alignbench.services.state import log_path, make_service_folder, read_record, write_record

LABEL_STUDIO = [ServiceName.LABEL_STUDIO]


def pretend_label_studio(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    python = folder / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o700)
    monkeypatch.setenv("ALIGNBENCH_LABEL_STUDIO_PYTHON", str(python))


def test_a_missing_label_studio_is_named_with_what_to_do_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIGNBENCH_LABEL_STUDIO_PYTHON", "/nowhere/python")
    with pytest.raises(LabelStudioNotInstalledError) as raised:
        up(tmp_path)
    assert "AB-S10: There is no /nowhere/python" in str(raised.value)
    assert "make label-studio" in raised.value.fix
    assert [state.status for state in status(tmp_path)] == [ServiceStatus.STOPPED] * 2


def test_a_server_that_dies_is_reported_with_its_logs_end_and_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_label_studio(monkeypatch, tmp_path, "echo No module named label_studio; exit 1")
    with pytest.raises(ServiceDiedError) as raised:
        up(tmp_path, LABEL_STUDIO)
    assert "AB-S11" in str(raised.value)
    assert "No module named label_studio" in str(raised.value)
    assert str(log_path(tmp_path, ServiceName.LABEL_STUDIO)) in str(raised.value)
    assert status(tmp_path, LABEL_STUDIO)[0].status is ServiceStatus.DIED


def test_a_silent_server_is_ended_when_the_time_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_label_studio(monkeypatch, tmp_path, "echo still thinking; exec sleep 600")
    with pytest.raises(ServiceTimeoutError, match=r"AB-S12: .* within 0\.5 s") as raised:
        up(tmp_path, LABEL_STUDIO, timeout_seconds=0.5)
    assert "still thinking" in str(raised.value)
    record = read_record(tmp_path, ServiceName.LABEL_STUDIO)
    assert record is not None
    assert record.process is not None
    assert birth_mark(record.process.pid) is None


def test_a_server_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alignbench.services.process.end.__defaults__", (0.5,))
    pretend_label_studio(
        monkeypatch, tmp_path, "trap '' TERM; echo stubborn; while :; do sleep 0.1; done"
    )
    with pytest.raises(ServiceTimeoutError, match="stubborn"):
        up(tmp_path, LABEL_STUDIO, timeout_seconds=0.5)
    assert status(tmp_path, LABEL_STUDIO)[0].status is ServiceStatus.DIED


def test_the_operators_secrets_do_not_reach_a_server_nor_a_servers_secrets_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-operator")
    pretend_label_studio(
        monkeypatch, tmp_path, 'env; echo "opens with $LABEL_STUDIO_PASSWORD"; exit 1'
    )
    with pytest.raises(ServiceDiedError) as raised:
        up(tmp_path, LABEL_STUDIO)
    credentials = read_credentials(tmp_path)
    assert credentials is not None
    message = str(raised.value)
    assert "opens with [secret]" in message
    for secret in (credentials.password, credentials.token, credentials.secret_key):
        assert secret not in message
        assert secret not in repr(credentials)
    assert "sk-of-the-operator" not in log_path(tmp_path, ServiceName.LABEL_STUDIO).read_text()


def test_credentials_are_made_once_and_only_their_owner_can_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_label_studio(monkeypatch, tmp_path, "exit 1")
    found = []
    for _ in range(2):
        with pytest.raises(ServiceDiedError):
            up(tmp_path, LABEL_STUDIO)
        found.append(read_credentials(tmp_path))
    assert found[0] == found[1]
    path = credentials_path(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    assert not path.is_relative_to(tmp_path / "blobs")


def test_credentials_that_others_can_read_are_closed_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_label_studio(monkeypatch, tmp_path, "exit 1")
    for mode in (0o644, 0o600):
        with pytest.raises(ServiceDiedError):
            up(tmp_path, LABEL_STUDIO)
        assert stat.S_IMODE(credentials_path(tmp_path).stat().st_mode) == 0o600
        credentials_path(tmp_path).chmod(mode)


def test_damaged_credentials_are_an_error_that_quotes_nothing(tmp_path: Path) -> None:
    make_service_folder(tmp_path, ServiceName.LABEL_STUDIO)
    credentials_path(tmp_path).write_text('{"password": "hunter2')
    with pytest.raises(CredentialsError, match="AB-S14") as raised:
        up(tmp_path, LABEL_STUDIO)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_server_that_refuses_the_token_is_told_from_one_that_is_late(
    tmp_path: Path, services_root: Path
) -> None:
    record = read_record(services_root, ServiceName.LABEL_STUDIO)
    assert record is not None
    make_service_folder(tmp_path, ServiceName.LABEL_STUDIO)
    write_record(tmp_path, ServiceName.LABEL_STUDIO, record)
    with pytest.raises(CredentialsError, match=r"AB-S14: .* does not accept the token"):
        up(tmp_path, LABEL_STUDIO)
