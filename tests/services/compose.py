"""The services of docker/compose.yaml as tests run them, without containers: same commands and variables."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DOCKER = Path(__file__).parents[2] / "docker"
IN_CONTAINER = "/run/secrets"


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
