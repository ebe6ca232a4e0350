"""The number of packs that run side by side on the nodes of a cluster."""

from collections.abc import Callable

import pytest

from ablate.errors import StudyError
from ablate.planning.resources import Node, placed, slots, this_node
from ablate.study.model import Resources, Study

LAPTOP = Node("laptop", 4, 0)
SERVER = Node("server", 32, 4)


@pytest.mark.parametrize(
    ("node", "cpu", "gpu", "expected"),
    [
        (LAPTOP, 1, 0, 4),
        (LAPTOP, 3, 0, 1),
        (LAPTOP, 0.5, 0, 8),
        (LAPTOP, 8, 0, 0),
        (LAPTOP, 1, 1, 0),
        (SERVER, 2, 1, 4),
        (SERVER, 16, 1, 2),
        (SERVER, 1, 0.25, 16),
        (SERVER, 1, 0.6, 4),  # two shares of 0.6 exceed one GPU, and a share cannot span two
        (SERVER, 1, 2, 2),
        (SERVER, 1, 3, 1),
        (Node("node", 0.6, 0), 0.2, 0, 3),  # in floats 0.6 / 0.2 < 3
        (Node("node", 100, 1), 1, 0.1, 10),
    ],
)
def test_slots_of_a_node_are_limited_by_cpus_and_gpus(node: Node, cpu: float, gpu: float, expected: int) -> None:
    assert node.slots(Resources(cpu=cpu, gpu=gpu)) == expected


def test_slots_of_a_cluster_are_the_sum_over_its_nodes(search_study: Callable[..., Study]) -> None:
    study = search_study("resources.cpu=3")
    assert slots([LAPTOP, SERVER, Node("head", 0, 0)], study) == 1 + 10


def test_a_pack_that_fits_on_no_node_is_refused_with_the_largest_node(search_study: Callable[..., Study]) -> None:
    study = search_study("resources.gpu=1", "resources.cpu=2")
    with pytest.raises(StudyError) as refused:
        slots([Node("head", 2, 0), LAPTOP], study)
    assert refused.value.problem == (
        "a pack needs 2 CPUs and 1 GPUs, and no node has as much: the largest, laptop, has 4 and 0"
    )
    assert refused.value.remedy == "reduce it, as in --set resources.gpu=0 --set resources.cpu=1"


def test_this_machine_has_a_slot_for_the_default_resources() -> None:
    assert this_node().slots(Resources()) >= 1


def test_a_fraction_of_gpus_above_one_is_refused(search_study: Callable[..., Study]) -> None:
    with pytest.raises(StudyError, match=r"a pack needs 1\.5 GPUs; set resources\.gpu to a whole number"):
        slots([SERVER], search_study("resources.gpu=1.5"))


def test_auto_asks_for_a_gpu_where_a_node_has_one(search_study: Callable[..., Study]) -> None:
    study = search_study("resources.gpu=auto")
    assert (placed(study.resources, [LAPTOP]).gpu, slots([LAPTOP], study)) == (0, 4)
    assert (placed(study.resources, [LAPTOP, SERVER]).gpu, slots([LAPTOP, SERVER], study)) == (1, 4)
    assert placed(study.resources, []).gpus == 1  # of a cluster that is not joined yet
