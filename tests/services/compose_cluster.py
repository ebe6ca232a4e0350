"""The cluster of docker/compose.yaml without containers: MLflow, Ray's head and a worker, at addresses of their own.

Each runs the service's own command through the image's entrypoint, with the service's variables, its name as host name,
and nothing else of this environment, and is waited for by its health check.  Only the ports of PostgreSQL and S3, which
run beside them, and the folders of secrets, settings and the store are others than in the file.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from .compose import DOCKER, MOUNTED, PATH, Compose, databases, entrypoint, make_secrets
from .network import Network, enter, first_process, require_namespaces
from .postgres import postgres
from .s3 import s3
from .waiting import wait_until

SERVICES = ("mlflow", "head", "worker")


@dataclass
class ComposeCluster:
    """The services by name, and what is needed to use them from this machine."""

    folder: Path
    compose: Compose
    network: Network
    ray_folder: Path  # short: sockets; each service has its own at this path
    started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def hosts(self) -> str:
        """The content of /etc/hosts, with the names that compose gives its services."""
        addresses = {name: self.network.address(node) for node, name in enumerate(SERVICES)}
        addresses |= {"postgres": self.network.host, "localhost": "127.0.0.1"}
        return "".join(f"{address} {name}\n" for name, address in addresses.items())

    @property
    def target(self) -> str:
        """docker/lab.yaml, for a machine that reaches the services at these addresses."""
        text = self.compose.here((DOCKER / "lab.yaml").read_text())
        return text.replace("127.0.0.1", self.address("head")).replace("docker/secrets", str(self.compose.secrets))

    def address(self, name: str) -> str:
        return self.network.address(SERVICES.index(name))

    def start(self, name: str) -> None:
        """Start a service and wait until it is healthy."""
        node, hosts = SERVICES.index(name), self.folder / "hosts"
        self.network.connect(node)
        hosts.write_text(self.hosts)
        setup = (
            f"hostname {name}; mount --bind {shlex.quote(str(hosts))} /etc/hosts; mount -t tmpfs none {self.ray_folder}"
        )
        command = self.network.command(node, setup, *entrypoint(self.compose.command(name)))
        with self.log(name).open("wb") as log:
            self.started[name] = subprocess.Popen(
                command, cwd=self.folder, env=self.environment(name), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(lambda: self.healthy(name), self.log(name).read_text)

    def environment(self, name: str) -> dict[str, str]:
        image = {"PATH": PATH, "RAY_USAGE_STATS_ENABLED": "0", "MLFLOW_DISABLE_TELEMETRY": "true"}
        here = {"RAY_TMPDIR": str(self.ray_folder), "OMP_NUM_THREADS": "1"}
        given = {variable: os.environ[variable] for variable in ("HOME", "PYTHONPATH") if variable in os.environ}
        return {**given, **image, **here, **self.compose.environment(name)}

    def healthy(self, name: str) -> bool:
        """Whether the service's health check succeeds."""
        assert self.started[name].poll() is None, self.log(name).read_text()
        kind, *check = self.compose.service(name)["healthcheck"]["test"]
        assert kind == "CMD"
        if not self.processes(name):  # it has not started yet
            return False
        return subprocess.run(self.inside(name, *check), env={"PATH": PATH}, capture_output=True).returncode == 0

    def inside(self, name: str, *command: str) -> list[str]:
        return enter(first_process(self.started[name]), *command)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def processes(self, name: str) -> list[psutil.Process]:
        return psutil.Process(self.started[name].pid).children(recursive=True)

    def ask(self, user: str, secret: str, method: str, endpoint: str, **content: object) -> requests.Response:
        """Send a request to MLflow as a user whose password is in this secret."""
        login, local = (user, self.compose.secret(secret)), {"Host": "localhost:5000"}  # as at the published port
        address = f"http://{self.address('mlflow')}:5000{endpoint}"
        return requests.request(method, address, json=content, auth=login, headers=local, timeout=60)

    def end(self) -> None:
        for process in self.started.values():
            process.kill()  # and with it, all of its namespace
            process.wait()
        self.network.end()
        shutil.rmtree(self.ray_folder)


@contextmanager
def compose_cluster(folder: Path) -> Iterator[ComposeCluster]:
    """All services of compose.yaml, healthy and with one worker, and a store in the folder."""
    require_namespaces()
    secrets, network = make_secrets(folder), Network("cs")
    network.make_bridge()
    own = Compose(secrets, {})
    try:
        with (
            postgres(own.secret("postgres_password"), "mlflow", *databases(), host=network.host) as database,
            s3(folder, own.secret("s3_secret_key"), own.command("s3"), network.host) as storage,
        ):
            ports = {"@postgres/": f"@postgres:{database.port}/", "http://s3:8333": storage.address}
            folders = {MOUNTED: str(folder), "/store": str(folder / "s")}
            compose = Compose(secrets, {**ports, **folders})
            compose.mount("mlflow", folder)
            cluster = ComposeCluster(folder, compose, network, Path(tempfile.mkdtemp(prefix="cs", dir="/tmp")))
            try:
                for name in SERVICES:
                    cluster.start(name)
                yield cluster
            finally:
                cluster.end()
    finally:
        network.end()
