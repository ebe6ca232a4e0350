"""The services of docker/compose.yaml as tests run them, without containers: same commands and variables."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DOCKER = Path(__file__).parents[2] / "docker"
IN_CONTAINER = "/run/secrets"
MOUNTED = "/etc/ablate"  # where a service finds the files of docker/ that it needs
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # on which a service finds Python, Ray and MLflow


@dataclass(frozen=True)
class Compose:
    """What stands in compose.yaml, with some of its text replaced."""

    secrets: Path  # the folder that docker/secrets.sh has made
    replaced: Mapping[str, str]  # text in commands and variables → what stands in its place here

    def service(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"][name]
        return found

    def command(self, name: str) -> list[str]:
        return [self.here(part) for part in self.service(name)["command"]]

    def environment(self, name: str) -> dict[str, str]:
        found = self.service(name).get("environment", {}).items()
        return {"ABLATE_SECRETS": str(self.secrets), **{variable: self.here(value) for variable, value in found}}

    def mount(self, name: str, folder: Path) -> None:
        """Write the service's files of docker/ to a folder, with the text replaced."""
        for volume in self.service(name)["volumes"]:
            source, target, *_ = volume.split(":")
            assert target.startswith(MOUNTED)
            (folder / Path(target).name).write_text(self.here((DOCKER / source).read_text()))

    def here(self, text: str) -> str:
        for old, new in {IN_CONTAINER: str(self.secrets), **self.replaced}.items():
            text = text.replace(old, new)
        return text

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text()


def databases() -> list[str]:
    """The databases that PostgreSQL's container makes beside its own."""
    return re.findall(r"^CREATE DATABASE (\w+);", (DOCKER / "databases.sql").read_text(), re.MULTILINE)


def make_secrets(folder: Path) -> Path:
    """The secrets that docker/secrets.sh makes, in a folder of the test's own."""
    (folder / "secrets.sh").write_bytes((DOCKER / "secrets.sh").read_bytes())
    subprocess.run(["sh", folder / "secrets.sh"], check=True)
    return folder / "secrets"


def entrypoint(command: Sequence[str]) -> list[str]:
    """The command as the image starts it."""
    return ["sh", str(DOCKER / "entrypoint.sh"), *command]
