"""The image and the services of `docker/`: their files keep the rules of their formats, and no secret is in them.

The services are run without containers by `test_compose_cluster.py` and `tests/servers/test_shared_servers.py`.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..services.compose import DOCKER, Compose, entrypoint, make_secrets
from ..services.s3 import s3

PROGRAMS = Path(sys.executable).parent
ROOT = DOCKER.parent
CREDENTIALS = re.compile(r"PASSWORD|SECRET|TOKEN|KEY(?!_ID)")


def test_the_image_keeps_the_rules_of_hadolint_and_the_services_those_of_compose() -> None:
    subprocess.run([PROGRAMS / "hadolint", DOCKER / "Dockerfile"], check=True)
    for file in DOCKER.glob("compose*.yaml"):
        schema = ["--builtin-schema", "vendor.compose-spec"]
        subprocess.run([PROGRAMS / "check-jsonschema", *schema, file], check=True)


def test_every_service_restarts_is_watched_and_opens_ports_to_this_machine_alone() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    assert set(services) == {"postgres", "s3", "mlflow", "head", "worker"}
    for name, service in services.items():
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["retries"] > 1, name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_only_mlflow_reaches_s3_and_no_worker_reaches_postgresql() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]

    def reach(name: str) -> set[str]:
        networks = set(services[name]["networks"])
        return {other for other, service in services.items() if networks & set(service["networks"])} - {name}

    assert (reach("s3"), reach("postgres")) == ({"mlflow"}, {"mlflow", "head"})
    assert reach("worker") == {"mlflow", "head"}


def test_the_administrators_password_of_mlflow_is_in_its_service_alone() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    assert [name for name, service in services.items() if "mlflow_password" in service["secrets"]] == ["mlflow"]


def test_every_credential_of_a_service_comes_from_a_file_that_secrets_sh_makes(tmp_path: Path) -> None:
    made = {file.name for file in make_secrets(tmp_path).iterdir()}
    content = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    assert set(content["secrets"]) == made
    for service in content["services"].values():
        for variable, value in service.get("environment", {}).items():
            if CREDENTIALS.search(variable):
                assert value.removeprefix("/run/secrets/") in service["secrets"], variable
        assert set(service["secrets"]) <= made
    before = {file: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    subprocess.run(["sh", tmp_path / "secrets.sh"], check=True)
    assert {file: file.read_text() for file in before} == before


def test_the_s3_server_that_tests_start_leaves_nothing_in_the_systems_folder(tmp_path: Path) -> None:
    compose = Compose(make_secrets(tmp_path), {})
    with s3(tmp_path, compose.secret("s3_secret_key"), compose.command("s3")) as server:
        assert server.sockets()
    assert server.sockets() == []


def test_the_entrypoint_reads_secrets_and_names_one_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("open sesame's $HOME\n")
    printed = [
        sys.executable,
        "-c",
        "import os; print(os.environ['WORD'], 'WORD_FILE' in os.environ, os.environ['CA_FILE'])",
    ]
    variables = {"ABLATE_SECRETS": str(tmp_path), "WORD_FILE": str(tmp_path / "word"), "CA_FILE": "/etc/ca.pem"}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(entrypoint(printed), env={**os.environ, **variables}, capture_output=True, text=True)

    assert run().stdout == "open sesame's $HOME False /etc/ca.pem\n"
    (tmp_path / "word").unlink()
    assert (run().returncode, "WORD_FILE cannot be read; run docker/secrets.sh" in run().stderr) == (78, True)


def test_packages_of_the_image_are_pinned_with_hashes_and_come_from_no_private_index() -> None:
    for name in ("requirements.txt", "torch-gpu.txt"):
        text = (DOCKER / name).read_text()
        entries = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")]
        assert all(re.match(r"[\w.-]+==\S+ \\\n    --hash=sha256:", entry) for entry in entries), name
        assert not re.search(r"https?://", text), name


@pytest.mark.parametrize("torch", ["torch-cpu.txt", "torch-gpu.txt"])
def test_the_image_has_every_package_that_ablate_needs_in_a_version_that_fits(torch: str) -> None:
    """`docker/lock.sh` has to be run again where a dependency was added."""
    text = "".join((DOCKER / name).read_text() for name in ("requirements.txt", torch))
    pinned = {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.M)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [project["optional-dependencies"][name] for name in ("server", "msi", "tsne")]
    wanted = [Requirement(line) for lines in (project["dependencies"], *extras) for line in lines]
    assert [str(one) for one in wanted if pinned.get(canonicalize_name(one.name), "0") not in one.specifier] == []
    assert "flask-wtf" in pinned  # of mlflow[auth]
