"""A real MLflow server that a group shares: users, PostgreSQL, S3, and a reverse proxy with TLS below a path."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest
import requests

from .compose import MOUNTED, PATH, Compose, databases, entrypoint, make_secrets
from .network import free_port
from .postgres import Postgres, postgres
from .s3 import S3, s3
from .waiting import wait_until

PASSWORD = "a-password-of-twelve"  # of every user but the administrator
TOKEN = "an-identity-provider-made-this"
NGINX = """\
{user}pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_processes 1;
daemon off;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_max_body_size 0;
  map $http_authorization $known {{ default 0; include {folder}/tokens; }}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    location /lab/mlflow/ {{ proxy_pass {target}/; }}
    location /by-token/ {{
      if ($known = 0) {{ return 401; }}
      proxy_set_header Authorization "Basic {basic}";
      proxy_pass {target}/;
    }}
  }}
}}
"""


@dataclass
class SharedServer:
    """MLflow with its database, storage and proxy."""

    folder: Path
    compose: Compose
    database: Postgres
    storage: S3
    port: int  # of MLflow itself
    proxy_port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def direct(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def uri(self) -> str:
        """The address that users are given: TLS, below a path."""
        return f"https://127.0.0.1:{self.proxy_port}/lab/mlflow"

    @property
    def by_token(self) -> str:
        return f"https://127.0.0.1:{self.proxy_port}/by-token"

    @property
    def certificate(self) -> Path:
        """Of the authority that has signed the server's certificate."""
        return self.folder / "authority.pem"

    def uri_of(self, user: str, password: str = PASSWORD) -> str:
        return self.uri.replace("//", f"//{user}:{password}@")

    def environment(self, user: str = "", password: str = PASSWORD) -> dict[str, str]:
        """What a user of the server sets."""
        given = {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": password} if user else {}
        certificate = {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(self.certificate)}
        return {"MLFLOW_TRACKING_URI": self.uri, **certificate, **given}

    def start(self) -> None:
        variables = {**os.environ, **self.compose.environment("mlflow"), "OMP_NUM_THREADS": "1", "PATH": PATH}
        variables.pop("MLFLOW_TRACKING_URI", None)
        self._start("mlflow", entrypoint(self.compose.command("mlflow")), variables)
        wait_until(self.healthy, lambda: self.log("mlflow"))

    def healthy(self) -> bool:
        assert self.processes["mlflow"].poll() is None, self.log("mlflow")
        with suppress(requests.RequestException):
            return requests.get(f"{self.direct}/health", timeout=10).ok
        return False

    def kill(self) -> None:
        """Kill MLflow, with the processes that it has started."""
        process = self.processes.pop("mlflow")
        with suppress(psutil.NoSuchProcess):
            for one in psutil.Process(process.pid).children(recursive=True):
                one.kill()
        process.kill()
        process.wait()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def ask(self, method: str, endpoint: str, **content: object) -> requests.Response:
        """Send a request as the administrator."""
        administrator = ("admin", self.compose.secret("mlflow_password"))
        answer = requests.request(method, self.direct + endpoint, json=content, auth=administrator, timeout=60)
        assert answer.ok, answer.text
        return answer

    def add_user(self, name: str) -> None:
        self.ask("POST", "/api/2.0/mlflow/users/create", username=name, password=PASSWORD)

    def grant(self, user: str, experiment_id: str, permission: str, *, instead: bool = False) -> None:
        """Grant a permission, `instead` of another one."""
        endpoint = "/api/3.0/mlflow/users/permissions"
        what = {"username": user, "resource_type": "experiment", "resource_id": experiment_id}
        if instead:
            self.ask("POST", f"{endpoint}/revoke", **what)
        self.ask("POST", f"{endpoint}/grant", **what, permission=permission)

    def know_tokens(self, *tokens: str) -> None:
        """Let these tokens in, and no other."""
        (self.folder / "tokens").write_text("".join(f'"Bearer {token}" 1;\n' for token in tokens))
        if "nginx" in self.processes:
            former = psutil.Process(self.processes["nginx"].pid).children()
            subprocess.run([nginx(), "-c", self.folder / "nginx.conf", "-s", "reload"], check=True)
            wait_until(lambda: not any(map(psutil.Process.is_running, former)), lambda: "nginx's former workers answer")

    def start_proxy(self) -> None:
        make_certificates(self.folder)
        basic = requests.auth._basic_auth_str("alice", PASSWORD).removeprefix("Basic ")
        user = "user root;\n" if os.geteuid() == 0 else ""  # else its worker cannot write here
        text = NGINX.format(user=user, folder=self.folder, port=self.proxy_port, target=self.direct, basic=basic)
        (self.folder / "nginx.conf").write_text(text)
        self.know_tokens(TOKEN)
        self._start("nginx", [nginx(), "-c", str(self.folder / "nginx.conf")], dict(os.environ))

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)

    def end(self) -> None:
        if "mlflow" in self.processes:
            self.kill()
        for process in self.processes.values():
            process.terminate()
            process.wait()


@contextmanager
def shared_server(folder: Path) -> Iterator[SharedServer]:
    """The servers of docker/compose.yaml without containers, and the proxy; with the users alice, bob and carol."""
    nginx()
    port = free_port()
    secrets = make_secrets(folder)
    own = Compose(secrets, {})
    with (
        postgres(own.secret("postgres_password"), "mlflow", *databases()) as database,
        s3(folder, own.secret("s3_secret_key"), own.command("s3")) as storage,
    ):
        here = {"@postgres/": f"@127.0.0.1:{database.port}/", "http://s3:8333": storage.address}
        here |= {"=0.0.0.0": "=127.0.0.1", "=5000": f"={port}", "--workers=2": "--workers=1"}
        compose = Compose(secrets, {**here, MOUNTED: str(folder)})
        compose.mount("mlflow", folder)
        server = SharedServer(folder, compose, database, storage, port, free_port())
        try:
            server.start()
            for user in ("alice", "bob", "carol"):
                server.add_user(user)
            server.start_proxy()
            yield server
        finally:
            server.end()


def nginx() -> str:
    """The program.  Skips the test where it is not installed."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip("this test needs Debian's package nginx-light")
    return found


def make_certificates(folder: Path) -> None:
    """A certificate authority of the test's own, and a certificate for 127.0.0.1 that it has signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def certificate(
        subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, authority: bool
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in (subject, issuer)]
        builder = x509.CertificateBuilder(names[1], names[0], key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(30))
        return builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    root = certificate("a lab", "a lab", root_key, True).add_extension(usage, critical=True)
    name = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    own = certificate("mlflow", "a lab", key, False).add_extension(name, critical=False)
    own = own.add_extension(identifier, critical=False)
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(root.sign(root_key, hashes.SHA256()).public_bytes(pem))
    (folder / "server.pem").write_bytes(own.sign(root_key, hashes.SHA256()).public_bytes(pem))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.key").write_bytes(key.private_bytes(pem, *plain))
