"""Whether a process is alive, by its PID and creation time."""

import os
import subprocess
import sys

from ablate.process import alive, current_process, identify


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = identify(child.pid)
    assert alive(process)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and still in the process table
    assert not alive(process)
    child.communicate()
    assert not alive(process)


def test_a_process_with_a_reused_pid_is_another_process() -> None:
    pid, created = current_process()
    assert alive((pid, created))
    assert not alive((pid, created - 3600))


def test_an_unused_pid_is_not_alive() -> None:
    assert not alive((2**22 + 1, 0.0))  # above the largest PID of Linux
