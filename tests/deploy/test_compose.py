import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

SECRET_NAME = re.compile(r"PASSWORD|SECRET|_TOKEN|API_KEY|ACCESS_KEY|AUTH_STRING")
REQUIRED = re.compile(r"\$\{(\w+):\?set \1 in \.env\}")
OPTIONAL_SECRETS = {"OPENAI_API_KEY": "${OPENAI_API_KEY:-}", "HF_TOKEN": "${HF_TOKEN:-}"}
SWITCHES = {"LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN"}
JOBS = {"bucket", "label-studio-init", "cli"}
DEVELOPER_ADDRESS = "127.0.0.1"


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((root / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def images(root: Path, services: dict[str, dict[str, Any]]) -> set[str]:
    bases = re.findall(r"^FROM (\S+)", (root / "Dockerfile").read_text(), flags=re.MULTILINE)
    return {service["image"] for service in services.values()} | set(bases)


def test_every_image_is_pinned_to_a_version(
    root: Path, services: dict[str, dict[str, Any]]
) -> None:
    for image in images(root, services):
        _, _, tag = image.rpartition(":")
        assert re.match(r"\d+\.\d+", tag), image


def test_our_image_carries_the_version_of_the_package(
    root: Path, services: dict[str, dict[str, Any]]
) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    assert services["worker"]["image"] == f"alignbench:{version}"


def test_every_server_has_a_health_check_and_starts_again(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, service in services.items():
        if name in JOBS:
            assert "healthcheck" not in service, name
        else:
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_every_service_waits_for_what_it_needs(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            finished = needed in JOBS
            expected = "service_completed_successfully" if finished else "service_healthy"
            assert how["condition"] == expected, f"{name} on {needed}"


def test_ports_are_published_on_this_machine_only_unless_asked(
    services: dict[str, dict[str, Any]],
) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert len(published) == 3
    for port in published:
        assert port.startswith("${BIND_ADDRESS:-127.0.0.1}:"), port


def test_the_databases_are_not_published(services: dict[str, dict[str, Any]]) -> None:
    assert "ports" not in services["postgres"]


def test_no_secret_is_in_the_file_and_each_must_be_set(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if not SECRET_NAME.search(variable) or variable in SWITCHES:
                continue
            if variable in OPTIONAL_SECRETS:
                assert value == OPTIONAL_SECRETS[variable]
            else:
                assert REQUIRED.fullmatch(value), f"{name}: {variable}"


def test_the_template_sets_every_variable_that_must_be_set(root: Path) -> None:
    required = {match[1] for match in REQUIRED.finditer((root / "docker-compose.yml").read_text())}
    template = (root / "deploy" / "env.template").read_text()
    assert required <= set(re.findall(r"^(\w+)=", template, flags=re.MULTILINE))


def test_label_studio_holds_the_readers_key_only(services: dict[str, dict[str, Any]]) -> None:
    for name in ("label-studio-init", "label-studio-app"):
        environment = services[name]["environment"]
        assert "S3_READER_ACCESS_KEY_ID" in environment["AWS_ACCESS_KEY_ID"]
        assert "S3_READER_SECRET_ACCESS_KEY" in environment["AWS_SECRET_ACCESS_KEY"]
    assert not any("ACCESS_KEY" in name for name in services["label-studio"]["environment"])


def test_label_studio_loads_the_guard(root: Path, services: dict[str, dict[str, Any]]) -> None:
    studio = services["label-studio-app"]
    assert studio["environment"]["DJANGO_SETTINGS_MODULE"] == "alignbench_guard.settings"
    mounted = {mount.split(":")[1]: mount.split(":")[0] for mount in studio["volumes"]}
    folder = mounted[studio["environment"]["PYTHONPATH"]]
    assert (root / folder / "alignbench_guard" / "settings.py").is_file()
    tried = (root / folder / "alignbench_guard" / "allowed.py").read_text()
    assert f'TRIED_VERSION = "{studio["image"].rpartition(":")[2]}"' in tried


def test_browser_and_containers_reach_the_object_store_by_one_name(
    services: dict[str, dict[str, Any]],
) -> None:
    store = services["object-store"]
    assert store["networks"]["default"]["aliases"] == ["${S3_HOST:-s3.localhost}"]
    address = "http://${S3_HOST:-s3.localhost}:8333"
    assert services["worker"]["environment"]["AWS_ENDPOINT_URL_S3"] == address
    assert services["label-studio-app"]["environment"]["S3_ENDPOINT"] == address
    (port,) = store["ports"]
    assert port.endswith(":8333:8333")


def test_what_must_outlive_a_container_is_in_a_named_volume(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    for name, place in {
        "postgres": "/var/lib/postgresql/data",
        "object-store": "/data",
        "label-studio-app": "/label-studio/data",
    }.items():
        volumes = {mount.split(":")[1]: mount.split(":")[0] for mount in services[name]["volumes"]}
        assert volumes[place] in compose["volumes"]


def test_telemetry_is_off(services: dict[str, dict[str, Any]]) -> None:
    prefect = services["prefect"]["environment"]
    assert prefect["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert prefect["DO_NOT_TRACK"] == "1"
    studio = services["label-studio-app"]["environment"]
    assert studio["COLLECT_ANALYTICS"] == studio["LATEST_VERSION_CHECK"] == "False"
    assert studio["SENTRY_DSN"] == studio["FRONTEND_SENTRY_DSN"] == ""
    assert "-master.telemetry=false" in services["object-store"]["command"]


def test_the_image_is_built_from_every_package_and_nothing_secret(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    lines = (root / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert set(packages) <= allowed
    assert not {".env", ".git", "demo-workspace", "tests"} & allowed


def docker_compose(
    program: str, root: Path, env_file: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, "--project-directory", root, "--env-file", env_file, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(env_file.parent)},
    )


def test_docker_compose_accepts_the_file_without_a_warning(
    root: Path, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    program = tool("docker-compose")
    env_file = tmp_path / ".env"
    subprocess.run([sys.executable, root / "deploy" / "make_env.py", env_file], check=True)
    result = docker_compose(program, root, env_file, "--profile", "*", "config")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    resolved = yaml.safe_load(result.stdout)["services"]
    ports = [port for service in resolved.values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in ports} == {DEVELOPER_ADDRESS}


def test_docker_compose_names_each_missing_secret(
    root: Path, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    program = tool("docker-compose")
    env_file = tmp_path / ".env"
    env_file.touch()
    result = docker_compose(program, root, env_file, "config", "--quiet")
    assert result.returncode != 0
    assert "set POSTGRES_PASSWORD in .env" in result.stderr


def test_hadolint_has_nothing_to_say_of_the_dockerfile(
    root: Path, tool: Callable[[str], str]
) -> None:
    result = subprocess.run(
        [tool("hadolint"), root / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout
    assert result.stdout == ""


def test_shell_scripts_parse(root: Path) -> None:
    scripts = sorted((root / "deploy").rglob("*.sh"))
    assert len(scripts) == 3
    for script in scripts:
        assert os.access(script, os.X_OK), script
        subprocess.run(["sh", "-n", script], check=True)


@pytest.mark.parametrize("name", ["worker", "cli"])
def test_what_runs_stages_finds_label_studio_where_it_listens(
    services: dict[str, dict[str, Any]], name: str
) -> None:
    inside = services["label-studio"]["ports"][0].rpartition(":")[2]
    assert services[name]["environment"]["LABEL_STUDIO_URL"] == f"http://label-studio:{inside}"


def test_the_page_says_what_push_needs_there(root: Path) -> None:
    page = (root / "docs" / "deployment.md").read_text()
    assert 'storage = "s3"' in page
    assert "not built yet" not in page
