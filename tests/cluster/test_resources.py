"""How many packs run side by side."""

from collections.abc import Callable

import pytest

from ablate.cluster.resources import Node, slots, this_node
from ablate.errors import StudyError
from ablate.study.model import Resources, Study

LAPTOP = Node("laptop", 4, 0)
STATION = Node("station", 32, 4)


@pytest.mark.parametrize(
    ("node", "cpu", "gpu", "expected"),
    [
        (LAPTOP, 1, 0, 4),
        (LAPTOP, 3, 0, 1),
        (LAPTOP, 0.5, 0, 8),
        (LAPTOP, 8, 0, 0),
        (LAPTOP, 1, 1, 0),
        (STATION, 2, 1, 4),
        (STATION, 16, 1, 2),
        (STATION, 1, 0.25, 16),
        (STATION, 1, 0.6, 4),  # two shares of 0.6 are more than one GPU, and no share is of two
        (STATION, 1, 2, 2),
        (STATION, 1, 3, 1),
        (Node("node", 0.6, 0), 0.2, 0, 3),  # though 0.6 / 0.2 < 3
        (Node("node", 100, 1), 1, 0.1, 10),
    ],
)
def test_packs_fit_side_by_side(node: Node, cpu: float, gpu: float, expected: int) -> None:
    assert node.slots(Resources(cpu=cpu, gpu=gpu)) == expected


def test_slots_of_a_cluster_add_up(search_study: Callable[..., Study]) -> None:
    study = search_study("resources.cpu=3")
    assert slots([LAPTOP, STATION, Node("head", 0, 0)], study) == 1 + 10


def test_a_pack_that_fits_nowhere_is_refused_with_the_largest_node(search_study: Callable[..., Study]) -> None:
    study = search_study("resources.gpu=1", "resources.cpu=2")
    with pytest.raises(StudyError) as refused:
        slots([Node("head", 2, 0), LAPTOP], study)
    assert refused.value.problem == (
        "a pack asks for 2 CPUs and 1 GPUs, and no node has as much: the largest, laptop, has 4 and 0"
    )
    assert refused.value.remedy == "ask for less, as in --set resources.gpu=0 --set resources.cpu=1"


def test_this_machine_can_run_something() -> None:
    assert this_node().slots(Resources()) >= 1


def test_one_and_a_half_gpus_are_refused(search_study: Callable[..., Study]) -> None:
    with pytest.raises(StudyError, match=r"a pack asks for 1\.5 GPUs; ask for whole GPUs"):
        slots([STATION], search_study("resources.gpu=1.5"))
