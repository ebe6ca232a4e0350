"""A real Slurm cluster on this machine for tests: a controller, its own munge, and two nodes."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PROGRAMS = ("slurmctld", "slurmd", "munged")
CONFIGURATION = """\
ClusterName=ablate
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=2,sched_min_interval=0
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=30
InactiveLimit=0
KillWait=60
MinJobAge=300
Waittime=0
JobRequeue=1
TreeWidth=65533
"""


@contextmanager
def slurm_cluster(nodes: int = 2, cpus: int = 2) -> Iterator[dict[str, str]]:
    """The environment in which Slurm's commands reach a cluster that exists inside the block."""
    short = tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp")  # a socket's path has 107 bytes at most
    with short as folder, cluster_in(Path(folder), nodes, cpus) as environment:
        yield environment


@contextmanager
def cluster_in(folder: Path, nodes: int, cpus: int) -> Iterator[dict[str, str]]:
    missing = [name for name in PROGRAMS if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"this test needs root and Debian's packages slurm-wlm and munge ({', '.join(missing)} missing)")
    for name in ("state", "spool", "log", "run", "munge"):
        (folder / name).mkdir()
    folder.chmod(0o711)  # munge's own user goes through it
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": os.environ["PATH"] + ":/usr/sbin"}
    write_configuration(folder, nodes, cpus)
    try:
        start_munge(folder)
        subprocess.run(["slurmctld", "-f", folder / "slurm.conf"], env=environment, check=True)
        for number in range(1, nodes + 1):
            subprocess.run(["slurmd", "-f", folder / "slurm.conf", "-N", f"n{number}"], env=environment, check=True)
        wait_for_nodes(environment, nodes)
        yield environment
    finally:
        subprocess.run(["scancel", "--full", "-u", "root"], env=environment, check=False, capture_output=True)
        end(folder)


def write_configuration(folder: Path, nodes: int, cpus: int) -> None:
    host = socket.gethostname().partition(".")[0]
    lines = [CONFIGURATION.format(folder=folder, host=host, port=free_port())]
    for number in range(1, nodes + 1):
        address = f"NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()}"
        lines.append(f"NodeName=n{number} {address} CPUs={cpus} RealMemory=1000 State=UNKNOWN\n")
    lines.append(f"PartitionName=main Nodes=n[1-{nodes}] Default=YES MaxTime=INFINITE OverSubscribe=NO State=UP\n")
    (folder / "slurm.conf").write_text("".join(lines))


def start_munge(folder: Path) -> None:
    munge = folder / "munge"
    (munge / "key").write_bytes(os.urandom(1024))
    (munge / "key").chmod(0o400)
    for path in (munge, munge / "key"):
        shutil.chown(path, "munge", "munge")
    munge.chmod(0o755)
    files = {name: f"--{name}={munge / file}" for name, file in MUNGE_FILES.items()}
    subprocess.run(["runuser", "-u", "munge", "--", "/usr/sbin/munged", "--force", *files.values()], check=True)


MUNGE_FILES = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}


def wait_for_nodes(environment: dict[str, str], nodes: int) -> None:
    deadline = time.monotonic() + 120
    idle: list[str] = []
    while len(idle) < nodes:
        assert time.monotonic() < deadline, idle
        time.sleep(0.2)  # Slurm sends no notice of a change
        asked = subprocess.run(["sinfo", "-h", "-N", "-t", "idle"], env=environment, capture_output=True, text=True)
        idle = asked.stdout.splitlines()


def end(folder: Path) -> None:
    """End the cluster's own processes, by their files."""
    for file in (*(folder / "run").glob("*.pid"), folder / "munge" / "pid"):
        with suppress(OSError, ValueError):
            process = int(file.read_text())
            os.kill(process, signal.SIGTERM)
            deadline = time.monotonic() + 30
            while Path(f"/proc/{process}").exists() and time.monotonic() < deadline:
                time.sleep(0.1)  # the process is no child of this one


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
