"""The services of docker-compose.yml, started by hand from Debian's and PyPI's packages.

Commands and environments are read from the compose file and from a `.env` that `make_env.py` has
written, so that a name or a variable that is wrong there fails here. What differs is what a machine
without containers must do otherwise: every server listens on 127.0.0.1 at a port of its own;
Label Studio runs under its own server and not behind nginx and uWSGI; and the object store is
moto's, which knows no passwords (`test_deployed_object_store` tries SeaweedFS with its keys).
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from alignbench.services.label_studio import label_studio_python
from alignbench.services.ports import choose_port
from tests.fixtures.postgresql import programs
from tests.fixtures.s3 import serving

BIN = Path(sys.executable).parent
_VARIABLE = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")
_START_SECONDS = 180
_PORTS = {"postgres": 5432, "prefect": 4200, "label-studio": 8085, "object-store": 8333}
"""Where services listen inside Compose."""


class Stack:
    """Running services.

    Attributes:
        folder: Where all of them keep their data and logs.
        env: What `.env` holds.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self._root = root
        self._services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
        self._ports = {name: choose_port(None, ()) for name in _PORTS}
        self._ports["worker"] = choose_port(None, ())
        _run([sys.executable, str(root / "deploy" / "make_env.py"), str(folder / ".env")], root)
        self.env = dict(
            line.split("=", 1)
            for line in (folder / ".env").read_text().splitlines()
            if "=" in line and not line.startswith("#")
        )
        self.env |= {
            "S3_HOST": "127.0.0.1",
            "LABEL_STUDIO_HOST": self.url("label-studio"),
            "PREFECT_HOST": self.url("prefect"),
        }

    def url(self, service: str) -> str:
        """Returns where a service answers."""
        return f"http://127.0.0.1:{self._ports[service]}"

    @contextmanager
    def running(self) -> Iterator["Stack"]:
        """Starts everything in the order in which Compose does."""
        with ExitStack() as ends:
            ends.enter_context(self._postgres())
            self._ports["object-store"] = int(ends.enter_context(serving()).rpartition(":")[2])
            self.run("bucket", "python", "deploy/create_bucket.py")
            ends.enter_context(
                self._server("prefect", ["prefect", "server", "start"], "/api/ready")
            )
            studio = [str(label_studio_python()), "-m", "label_studio.server"]
            self.run("label-studio-init", *studio, *self._command("label-studio-init")[1:])
            start = [*studio, "start", "--no-browser", "--debug", "--internal-host", "127.0.0.1"]
            port = ["--port", str(self._ports["label-studio"])]
            ends.enter_context(self._server("label-studio-app", [*start, *port], "/health"))
            ends.enter_context(self.worker())
            yield self

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A worker, by the script that is the container's entry point."""
        with self._server("worker", ["sh", *self._services["worker"]["entrypoint"]], "/health"):
            yield

    def cli(self, *arguments: str, fails: bool = False) -> str:
        """Runs what `docker compose run --rm cli` runs; returns what it says."""
        return self.run("cli", "alignbench", *arguments, fails=fails)

    def run(self, service: str, *command: str, fails: bool = False) -> str:
        """Runs a command in the environment of a service; returns what it says."""
        return _run(command, self._root, self.environment(service), fails=fails)

    def psql(self, database: str, query: str) -> str:
        """Asks a database as the superuser, with the password that is in `.env`."""
        return self.database("psql", "-d", database, "-Atc", query)

    def database(self, program: str, *arguments: str) -> str:
        """Runs one of PostgreSQL's own programs as the superuser."""
        here = ("-h", "127.0.0.1", "-p", str(self._ports["postgres"]), "-U", "postgres")
        password = {"PGPASSWORD": self.env["POSTGRES_PASSWORD"]}
        return _run([str(programs() / program), *here, *arguments], self.folder, password)

    def environment(self, service: str) -> dict[str, str]:
        """Returns what the compose file gives a service, as it has to read on this machine."""
        given = self._services[service]["environment"]
        found = {name: self._here(name, str(value)) for name, value in given.items()}
        if "PYTHONPATH" in found:
            found["PYTHONPATH"] = str(self._root / "alignbench" / "services" / "label_studio_guard")
        own = {
            "PREFECT_HOME": str(self.folder / "prefect"),
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.folder / "label-studio"),
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(self._ports["prefect"]),
            "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
            "PREFECT_WORKER_WEBSERVER_PORT": str(self._ports["worker"]),
        }
        return found | own

    def _here(self, name: str, value: str) -> str:
        value = _VARIABLE.sub(lambda found: self.env.get(found[1]) or found[2] or "", value)
        for service, port in _PORTS.items():
            if name.endswith("_PORT") and value == str(port):
                return str(self._ports[service])
            if name.endswith("_HOST") and value == service:
                return "127.0.0.1"
            value = re.sub(rf"//[\w.-]+:{port}\b", f"//127.0.0.1:{self._ports[service]}", value)
        return value

    def _command(self, service: str) -> Sequence[str]:
        found: Sequence[str] = self._services[service]["command"]
        return found

    @contextmanager
    def _postgres(self) -> Iterator[None]:
        """PostgreSQL as its image sets it up: passwords over TCP, and our script run once."""
        # The server refuses to run as root, who then lends it to the account of its package.
        account = {"user": "postgres"} if os.geteuid() == 0 else {}
        home = self.folder / "postgres"
        home.mkdir()
        if account:
            for folder in (home, self.folder):
                os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        data, port = home / "data", str(self._ports["postgres"])
        password = home / "password"
        password.write_text(self.env["POSTGRES_PASSWORD"])
        password.chmod(0o644)

        def run(program: str, *arguments: str) -> None:
            command = [str(programs() / program), "-D", str(data), *arguments]
            subprocess.run(command, check=True, cwd=home, stdout=subprocess.DEVNULL, **account)

        settings = self.environment("postgres")
        initdb = settings["POSTGRES_INITDB_ARGS"].split()
        run("initdb", "-U", "postgres", f"--pwfile={password}", "--no-sync", *initdb)
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {home} -c fsync=off"
        run("pg_ctl", "-w", "-o", options, "-l", str(home / "log"), "start")
        try:
            (script,) = (self._root / "deploy" / "postgres").iterdir()
            place = {"PGHOST": str(home), "PGPORT": port, "POSTGRES_USER": "postgres"}
            path = {"PATH": f"{programs()}:{os.environ['PATH']}"}
            _run(["sh", str(script)], home, settings | place | path)
            yield
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")

    @contextmanager
    def _server(self, service: str, command: Sequence[str], health: str) -> Iterator[None]:
        log = self.folder / f"{service}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                _found(command),
                cwd=self._root,
                env=_whole(self.environment(service)),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            listens = service.removesuffix("-app")
            _wait_for(process, f"{self.url(listens)}{health}", log)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(url):
        said = log.read_text(errors="replace")[-4000:]
        assert process.poll() is None, f"{url}: the server ended\n{said}"
        assert time.monotonic() < deadline, f"{url} does not answer\n{said}"
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def _whole(settings: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment that has nothing of this session's servers in it."""
    ours = ("PREFECT_", "LABEL_STUDIO_", "ALIGNBENCH_", "AWS_", "PG", "OPENAI_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PATH": f"{BIN}:{os.environ['PATH']}", **settings}


def _found(command: Sequence[str]) -> list[str]:
    program = sys.executable if command[0] == "python" else command[0]
    beside = BIN / program
    return [str(beside if beside.is_file() else shutil.which(program) or program), *command[1:]]


def _run(
    command: Sequence[str],
    folder: Path,
    settings: Mapping[str, str] | None = None,
    *,
    fails: bool = False,
) -> str:
    done: Any = subprocess.run(
        _found(command),
        cwd=folder,
        env=_whole(settings or {}),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    said = f"{done.stdout}{done.stderr}"
    assert (done.returncode != 0) == fails, f"{' '.join(command)}\n{said}"
    return said
