"""A real Slurm cluster on this machine for tests: a controller, its own munge, and nodes.

The nodes share this machine's address, or are network and process namespaces with addresses of their own, each of which
can be killed whole.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from .network import Network, free_port, require_namespaces
from .waiting import wait_until

PROGRAMS = ("slurmctld", "slurmd", "munged")
CONFIGURATION = """\
ClusterName=ablate
SlurmctldHost={host}({address})
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
FirstJobId={first_job}
Waittime=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
TreeWidth=65533
"""


MUNGE_FILES = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}


@dataclass
class SlurmCluster:
    """A controller and nodes n1, n2, ..., in a folder; `network` has a namespace for each node, if there is one."""

    folder: Path
    nodes: int
    cpus: int
    network: Network | None = None
    apart: dict[int, psutil.Popen] = field(default_factory=dict)  # nodes in namespaces

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which Slurm's commands reach the cluster."""
        path = os.environ["PATH"] + ":/usr/sbin"
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def start(self) -> None:
        for name in ("state", "spool", "log", "run", "munge"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o711)  # munge's own user goes through it
        self.write_configuration()
        self.start_munge()
        self.run("slurmctld", "-f", str(self.folder / "slurm.conf"))
        for node in range(1, self.nodes + 1):
            self.start_node(node)
        self.wait_for_nodes()

    def run(self, *command: str) -> None:
        subprocess.run(command, env=self.environment, check=True)

    def write_configuration(self) -> None:
        host = socket.gethostname().partition(".")[0]
        address = self.network.host if self.network else "127.0.0.1"
        first_job = 1 + 100 * secrets.randbelow(500_000)  # in names of files in /tmp, beside those of others
        named = {"folder": self.folder, "host": host, "address": address, "port": free_port(), "first_job": first_job}
        lines = [CONFIGURATION.format(**named)]
        for node in range(1, self.nodes + 1):
            address = self.network.address(node) if self.network else "127.0.0.1"
            place = f"NodeHostname={host} NodeAddr={address} Port={free_port()}"
            lines.append(f"NodeName=n{node} {place} CPUs={self.cpus} RealMemory=1000 State=UNKNOWN\n")
        common = f"Nodes=n[1-{self.nodes}] MaxTime=INFINITE OverSubscribe=NO State=UP"
        lines.append(f"PartitionName=main {common} Default=YES PriorityTier=1\n")
        lines.append(f"PartitionName=urgent {common} PriorityTier=2\n")  # its jobs take the place of those of `main`
        (self.folder / "slurm.conf").write_text("".join(lines))

    def start_munge(self) -> None:
        munge = self.folder / "munge"
        (munge / "key").write_bytes(os.urandom(1024))
        (munge / "key").chmod(0o400)
        for path in (munge, munge / "key"):
            shutil.chown(path, "munge", "munge")
        munge.chmod(0o755)
        files = [f"--{name}={munge / file}" for name, file in MUNGE_FILES.items()]
        self.run("runuser", "-u", "munge", "--", "/usr/sbin/munged", "--force", *files)

    def start_node(self, node: int) -> None:
        command = ["slurmd", "-f", str(self.folder / "slurm.conf"), "-N", f"n{node}"]
        if self.network is None:
            self.run(*command)
            return
        # not `ip netns exec`, which hides the tree of cgroups from slurmd
        enter = ["nsenter", f"--net=/run/netns/{self.network.namespace(node)}", "unshare", "--pid", "--mount", "--fork"]
        with (self.folder / "log" / f"n{node}.out").open("ab") as out:
            self.apart[node] = psutil.Popen(
                [*enter, "--kill-child", "--mount-proc", command[0], "-D", *command[1:]],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def kill_node(self, node: int) -> None:
        """End all processes of a node in a namespace at once, as a power failure does."""
        unshare = self.apart.pop(node)
        with suppress(psutil.NoSuchProcess):
            for first in unshare.children():  # with which all others of its namespace end
                first.kill()
        unshare.wait()

    def states(self) -> list[str]:
        """A line for each node: its name and state."""
        asked = ["sinfo", "-h", "-N", "-o", "%N %T"]
        return subprocess.run(asked, env=self.environment, capture_output=True, text=True).stdout.splitlines()

    def wait_for_nodes(self) -> None:
        wait_until(
            lambda: sum(line.endswith(" idle") for line in self.states()) >= self.nodes, lambda: str(self.states())
        )

    def end(self) -> None:
        """Cancel all jobs, and end the cluster's own processes, by their files."""
        with suppress(FileNotFoundError):
            command = ["scancel", "--full", "-u", "root"]
            subprocess.run(command, env=self.environment, check=False, capture_output=True)
        for node in list(self.apart):
            self.kill_node(node)
        for file in (*(self.folder / "run").glob("*.pid"), self.folder / "munge" / "pid"):
            with suppress(OSError, ValueError):
                process = int(file.read_text())
                os.kill(process, signal.SIGTERM)
                deadline = time.monotonic() + 30
                while Path(f"/proc/{process}").exists() and time.monotonic() < deadline:
                    time.sleep(0.1)  # the process is no child of this one


@contextmanager
def slurm_cluster(nodes: int = 2, cpus: int = 2, *, apart: bool = False) -> Iterator[SlurmCluster]:
    """A cluster that exists inside the block; its nodes have addresses of their own where they are `apart`."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"this test needs root and Debian's packages slurm-wlm and munge ({', '.join(missing)} missing)")
    network = None
    if apart:
        require_namespaces()
        network = Network("sn")
    short = tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp")  # a socket's path has 107 bytes at most
    with short as folder:
        cluster = SlurmCluster(Path(folder), nodes, cpus, network)
        try:
            for node in range(1, nodes + 1) if network else ():
                network.connect(node)
            cluster.start()
            yield cluster
        finally:
            cluster.end()
            if network is not None:
                network.end()
