"""Deferred modules: what they give, and when they import the real module."""

import subprocess
import sys
from pathlib import Path

import torch

from ablate import deferred

THREADS = 8


def test_a_deferred_module_gives_the_attributes_of_the_real_one() -> None:
    assert deferred.torch.Tensor is torch.Tensor
    assert deferred.nn.Linear is torch.nn.Linear
    assert deferred.F.relu is torch.nn.functional.relu


def test_an_attribute_is_looked_up_in_the_real_module_once() -> None:
    module = deferred.Deferred("colorsys")
    assert "hsv_to_rgb" not in vars(module)
    found = module.hsv_to_rgb
    assert vars(module)["hsv_to_rgb"] is found


def test_several_threads_may_be_the_first_to_use_a_deferred_module(tmp_path: Path) -> None:
    (tmp_path / "slow_module.py").write_text("import time\ntime.sleep(0.2)\nlast = 1\n", encoding="utf-8")
    program = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from ablate.deferred import Deferred\n"
        "module = Deferred('slow_module')\n"
        f"with ThreadPoolExecutor({THREADS}) as threads:\n"
        f"    print(*threads.map(lambda _: module.last, range({THREADS})))\n"
    )
    environment = {"PYTHONPATH": ":".join([str(tmp_path), *sys.path])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"] * THREADS
