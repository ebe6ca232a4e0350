"""The report as JSON."""

import json
import math
from collections.abc import Callable

import pytest

from ablate.reporting.content import report_of
from ablate.reporting.json import to_json
from ablate.stats.results import Result
from ablate.study.model import Study


def test_json_has_scores_by_seed_estimates_and_the_papers_value(study: Study, results: list[Result]) -> None:
    content = json.loads(json.dumps(to_json(report_of(study, results)), allow_nan=False))
    (vat,) = (variant for variant in content["variants"] if variant["baseline"])
    assert vat["levels"] == {"method.transformation": "vat"}
    assert vat["scores"] == {"0": 0.7, "1": 0.8, "2": 0.9}
    assert vat["low"] == pytest.approx(0.5515862, abs=1e-6)
    assert (vat["paper"]["value"], vat["paper"]["std"]) == (0.869, 0.013)
    assert content["paper"]["id"] == "invariant-features"
    assert list(content["paper"]["findings"]) == ["invariant/transformation"]


@pytest.mark.parametrize("score", [None, math.nan])
def test_a_variant_without_a_score_has_null_and_not_nan(
    study: Study, make_result: Callable[..., Result], score: float | None
) -> None:
    content = to_json(report_of(study, [make_result({"method.transformation": "vat"}, 0, score)]))
    assert content["variants"][0]["mean"] is None
    json.dumps(content, allow_nan=False)
