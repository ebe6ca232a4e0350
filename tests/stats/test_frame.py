"""The table of variants."""

from collections.abc import Callable

import pytest

from ablate.stats.frame import frame
from ablate.stats.results import Result
from ablate.stats.variants import variants_of
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]


def test_the_table_has_a_row_per_variant_and_a_column_per_axis(make_study: MakeStudy, make_result: MakeResult) -> None:
    study = {"axes": {"method.k": (50, 100)}, "baseline": {"method.k": 100}}
    results = [
        make_result({"method.k": k}, seed, score) for k in (50, 100) for seed, score in enumerate((0.7, 0.8, 0.9))
    ]
    table = frame(variants_of(make_study(study), results, "linear/accuracy"))
    assert list(table.columns) == [
        *("dataset", "method", "method.k", "n", "mean", "low", "high", "std", "baseline", "failed", "missing"),
        "no_value",
    ]
    assert table["method.k"].tolist() == [50, 100]
    assert table["mean"].tolist() == pytest.approx([0.8, 0.8])
    assert table["baseline"].tolist() == [False, True]
    assert len(frame([])) == 0
