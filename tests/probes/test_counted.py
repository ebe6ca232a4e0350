"""A probe's name may hold its count of labels."""

import pytest

from ablate.errors import StudyError
from ablate.options import options_of
from ablate.probes import PROBES
from ablate.probes.neighbors import Neighbors


def test_a_count_behind_the_name_is_the_count_of_labels() -> None:
    kind = PROBES["knn-500"]
    probe = kind()
    assert isinstance(probe, Neighbors)
    assert (probe.labels, PROBES["knn"]().labels) == (500, None)
    assert kind.metrics == Neighbors.metrics
    assert [option.name for option in options_of(kind)] == [option.name for option in options_of(Neighbors)]
    assert "knn-500" in PROBES
    assert PROBES["knn-500"] is kind


@pytest.mark.parametrize("name", ["knn-few", "linear-500", "kmn-500", "knn-"])
def test_other_names_are_none(name: str) -> None:
    assert name not in PROBES
    with pytest.raises(StudyError, match=f"no probe is called '{name}'"):
        PROBES[name]
