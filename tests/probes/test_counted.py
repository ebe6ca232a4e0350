"""Probes whose names end in a number of labels."""

import pytest

from ablate.errors import StudyError
from ablate.options import former_names, options_of
from ablate.probes import PROBES
from ablate.probes.neighbors import Neighbors


def test_a_number_at_the_end_of_the_name_is_the_default_of_labels() -> None:
    kind = PROBES["knn-500"]
    probe = kind()
    assert isinstance(probe, Neighbors)
    assert (probe.labels, PROBES["knn"]().labels) == (500, None)
    assert kind.metrics == Neighbors.metrics
    assert [option.name for option in options_of(kind)] == [option.name for option in options_of(Neighbors)]
    assert former_names(kind) == former_names(Neighbors)
    assert "knn-500" in PROBES
    assert PROBES["knn-500"] is kind


@pytest.mark.parametrize("name", ["knn-few", "mlp-500", "kmn-500", "knn-"])
def test_other_names_with_a_suffix_are_unknown(name: str) -> None:
    assert name not in PROBES
    with pytest.raises(StudyError, match=f"no probe is called '{name}'"):
        PROBES[name]
