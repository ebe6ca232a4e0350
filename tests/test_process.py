"""Who counts as alive."""

import os
import subprocess
import sys

from ablate.process import alive, identify, myself


def test_a_process_lives_until_it_ends_even_while_nobody_buries_it() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = identify(child.pid)
    assert alive(known)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the process table
    assert not alive(known)
    child.communicate()
    assert not alive(known)


def test_a_number_that_came_round_again_is_another_process() -> None:
    pid, born = myself()
    assert alive((pid, born))
    assert not alive((pid, born - 3600))


def test_a_number_that_nobody_has_does_not_live() -> None:
    assert not alive((2**22 + 1, 0.0))  # above the largest that Linux gives
