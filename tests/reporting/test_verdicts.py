"""Whether a paper's findings hold in a study's results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ablate.papers.reference import ablation
from ablate.reporting.content import verdicts
from ablate.reporting.outcome import Outcome
from ablate.reporting.verdicts import FindingVerdict
from ablate.stats.results import Result
from ablate.stats.statements import Holds
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
MakeResult = Callable[..., Result]
AXIS = "method.transformation"
CASE = {"axes": {AXIS: ("np", "rp", "rp+vat", "vat")}, "baseline": {AXIS: "vat"}}
PAPER = {"id": "invariant-features", "ablation": "transformation"}
NOISE = (-0.001, 0.0, 0.001)  # of three seeds


def found(
    make_study: MakeStudy,
    make_result: MakeResult,
    means: Mapping[str, float],
    noise: Sequence[float] = NOISE,
    **case: Any,
) -> tuple[FindingVerdict, ...]:
    study = make_study({**CASE, **case}, paper=PAPER)
    data = {"dataset": case["dataset"]} if "dataset" in case else {}
    results = [
        make_result({AXIS: level}, seed, mean + shift * (1 + index), **data)
        for index, (level, mean) in enumerate(means.items())
        for seed, shift in enumerate(noise)
    ]
    return verdicts(study, [ablation("invariant/transformation")], results)


def test_the_order_of_the_paper_agrees(make_study: MakeStudy, make_result: MakeResult) -> None:
    (verdict,) = found(make_study, make_result, {"np": 0.4, "rp": 0.5, "rp+vat": 0.8, "vat": 0.9})
    assert verdict.holds is Holds.AGREES
    assert [statement.text for statement in verdict.verdict.statements] == [
        "linear_accuracy, FSDD: VAT is at most 0.5 percentage points worse than RP+VAT",
        "linear_accuracy, FSDD: RP+VAT is at most 0.5 percentage points worse than RP",
        "linear_accuracy, FSDD: RP is at most 0.5 percentage points worse than NP",
        "linear_accuracy, FSDD: VAT is better than NP by 15 percentage points or more",
    ]
    assert "linear_accuracy, Reuters-10k: not measured" in verdict.untested


def test_another_order_disagrees(make_study: MakeStudy, make_result: MakeResult) -> None:
    (verdict,) = found(make_study, make_result, {"np": 0.4, "rp": 0.5, "rp+vat": 0.9, "vat": 0.8})
    assert verdict.holds is Holds.DISAGREES


def test_few_noisy_seeds_leave_the_finding_undecided(make_study: MakeStudy, make_result: MakeResult) -> None:
    means = {"np": 0.4, "rp": 0.5, "rp+vat": 0.8, "vat": 0.9}
    (verdict,) = found(make_study, make_result, means, noise=(-0.2, 0.05, 0.15))
    assert verdict.holds is Holds.UNDECIDED
    assert (verdict.verdict.seeds_needed or 0) > 3


def test_a_data_set_that_replaces_the_papers_is_tested_in_its_place(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    means = {"np": 0.4, "rp": 0.5, "rp+vat": 0.8, "vat": 0.9}
    (verdict,) = found(make_study, make_result, means, dataset="mnist")
    assert verdict.verdict.statements[0].text.startswith("linear_accuracy, EMNIST-Digits: ")


def test_a_study_without_the_findings_data_has_no_verdict(make_study: MakeStudy, make_result: MakeResult) -> None:
    assert found(make_study, make_result, {"vat": 0.9}, dataset="digits") == ()


def test_a_finding_that_was_tested_on_some_of_its_statements_and_data_sets_agrees_in_part(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    """Table V: an order of four transformations and a gap, of six data sets; the order needs all four."""
    (verdict,) = found(make_study, make_result, {"np": 0.4, "vat": 0.9})
    assert verdict.holds is Holds.AGREES
    assert verdict.outcome is Outcome.AGREES_IN_PART
    assert verdict.text == "agrees in part: 2 of 4 levels, 1 of 4 statements, 1 of 6 data sets"
    (verdict,) = found(make_study, make_result, {"np": 0.9, "vat": 0.4})
    assert verdict.text.startswith("disagrees, tested in part: 2 of 4 levels, ")


EPSILON = "method.epsilon"
RSS = "regression/rss"
LEVELS = (1, 2, 3, 4, 5)
PLATEAU = {"plateau_tolerance": 0.05}
KINDS: list[tuple[dict[str, Any], dict[int, float], str]] = [  # a check, means that agree with it, and what they are of
    ({"type": "flat", "tolerance": 0.05}, {1: 0.5, 2: 0.5}, "2 of 5 levels"),
    ({"type": "flat", "tolerance": 0.05}, dict.fromkeys(LEVELS, 0.5), ""),
    ({"type": "monotone", "direction": "increasing", "slack": 0}, {1: 0.4, 5: 0.6}, "2 of 5 levels"),
    (
        {"type": "monotone", "direction": "increasing", "slack": 0, "from_value": 3},
        {1: 0.9, 3: 0.4, 5: 0.6},
        "2 of 3 levels",
    ),
    ({"type": "best_at", "value": 1, "slack": 0}, {1: 0.9, 2: 0.6, 5: 0.6}, "3 of 5 levels"),
    ({"type": "worst_at", "value": 1, "slack": 0}, {1: 0.4, 2: 0.6}, "2 of 5 levels"),
    ({"type": "order", "order": [1, 2], "slack": 0}, {1: 0.9, 2: 0.6}, ""),  # states nothing of other levels
    ({"type": "gap", "better": 1, "worse": 5, "min_gap": 0.1}, {1: 0.9, 5: 0.6}, ""),
    (
        {"type": "plateau_then_drop", "plateau_max": 2, "drop_from": 4, "min_drop": 0.1, **PLATEAU},
        {1: 0.9, 5: 0.6},
        "2 of 4 levels",
    ),
    (
        {"type": "drop_then_plateau", "plateau_min": 3, "min_drop": 0.1, **PLATEAU},
        {2: 0.5, 3: 0.9, 4: 0.9},
        "3 of 5 levels",
    ),
    (
        {"type": "uncorrelated", "metrics": ["linear_accuracy", "rss"], "max_abs_correlation": 0.99},
        {1: 0.5, 2: 0.7, 3: 0.6},
        "3 of 5 levels",
    ),
]


@pytest.mark.parametrize(
    ("check", "means", "part"), KINDS, ids=[f"{kind[0]['type']}-{i}" for i, kind in enumerate(KINDS)]
)
def test_of_each_kind_of_check_a_verdict_says_how_many_levels_it_is_of(
    make_study: MakeStudy, make_result: MakeResult, check: dict[str, Any], means: dict[int, float], part: str
) -> None:
    finding = replace(ablation("invariant/epsilon"), check=check, datasets=("FSDD",), values=LEVELS)
    finding = replace(finding, metrics=(finding.metrics[0], replace(finding.metrics[1], datasets=())))
    finding = replace(finding, metrics=finding.metrics if check["type"] == "uncorrelated" else finding.metrics[:1])
    study = make_study({"axes": {EPSILON: LEVELS}}, paper={**PAPER, "ablation": "epsilon"})
    results = [
        make_result({EPSILON: level}, seed, mean + shift)
        for level, mean in means.items()
        for seed, shift in enumerate(NOISE)
    ]
    if check["type"] == "uncorrelated":
        results = [replace(one, metrics={**one.metrics, RSS: float(one.levels[EPSILON] or 0)}) for one in results]
    (verdict,) = verdicts(study, [finding], results)
    assert verdict.text == (f"agrees in part: {part}" if part else "agrees")


def test_a_level_that_was_compared_with_no_other_is_not_the_best(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    finding = replace(
        ablation("invariant/epsilon"), check={"type": "best_at", "value": 1, "slack": 0}, datasets=("FSDD",)
    )
    study = make_study({"axes": {EPSILON: LEVELS}}, paper={**PAPER, "ablation": "epsilon"})
    assert verdicts(study, [finding], [make_result({EPSILON: 1}, seed, 0.5) for seed in range(3)]) == ()


def test_a_qualitative_part_for_which_no_metric_stands_leaves_the_finding_tested_in_part(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    seen = {"type": "flat", "tolerance": 0.05}
    check = {"type": "all_of", "checks": [seen, {"type": "qualitative", "statement": "it rises", "proxy": None}]}
    finding = replace(ablation("invariant/epsilon"), check=check, datasets=("FSDD",), values=(1, 2))
    study = make_study({"axes": {EPSILON: (1, 2)}}, paper={**PAPER, "ablation": "epsilon"})
    results = [make_result({EPSILON: level}, seed, 0.5 + shift) for level in (1, 2) for seed, shift in enumerate(NOISE)]
    (verdict,) = verdicts(study, [finding], results)
    assert verdict.text == "agrees in part: 2 of 3 statements"
    assert verdict.untested == ("it rises: no metric stands for it",)


@pytest.mark.parametrize(("adaptive", "holds"), [(0.9, Holds.AGREES), (0.3, Holds.DISAGREES)])
def test_a_qualitative_finding_is_judged_by_the_metric_that_stands_in(
    make_study: MakeStudy, make_result: MakeResult, adaptive: float, holds: Holds
) -> None:
    """Figure 7: adaptive λ is best and 0.9 worst; the linear accuracy stands in for the picture."""
    axis = "method.sinkhorn_lambda"
    finding = ablation("invariant/lambda_policy")
    assert finding.check["type"] == "qualitative"
    means = {0.5: 0.6, 0.7: 0.5, 0.9: 0.4, "adaptive": adaptive}
    study = make_study({"dataset": "20newsgroups", "axes": {axis: tuple(means)}}, paper={**PAPER, "figure": 7})
    results = [
        make_result({axis: level}, seed, mean + shift, dataset="20newsgroups")
        for level, mean in means.items()
        for seed, shift in enumerate(NOISE)
    ]
    (verdict,) = verdicts(study, [finding], results)
    assert verdict.holds is holds


def test_methods_that_the_papers_table_has_no_number_of_are_not_missing(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    """Table II has neither LLE nor Isomap on EMNIST-Digits, but both on FSDD."""
    methods = ("pca", "nmf", "ae", "aae", "sae", "dae", "vae", "cpc", "invariant")
    study = make_study(
        {"axes": {"method": methods, "dataset": ("emnist-digits", "fsdd")}}, paper={**PAPER, "table": "II"}
    )
    results = [
        make_result(
            {"method": name, "dataset": data},
            seed,
            0.5 + 0.3 * (name == "invariant") + shift,
            method=name,
            dataset=data,
        )
        for name in methods
        for data in ("emnist-digits",)
        for seed, shift in enumerate(NOISE)
    ]
    (verdict,) = verdicts(study, [ablation("invariant/method_linear")], results)
    assert verdict.text == "agrees in part: 1 of 5 data sets"


def test_a_trend_of_a_metric_of_training_is_tested_on_any_data_set(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    axis = "method.sinkhorn_lambda"
    study = make_study({"axes": {axis: (0.5, 1.0, 2.0)}}, paper={**PAPER, "ablation": "lambda_entropy"})

    def verdict(entropies: Mapping[float, float]) -> FindingVerdict:
        results = [
            replace(make_result({axis: level}, seed, None), metrics={"train/target_entropy": entropy + shift})
            for level, entropy in entropies.items()
            for seed, shift in enumerate(NOISE)
        ]
        (only,) = verdicts(study, [ablation("invariant/lambda_entropy")], results)
        return only

    rising = verdict({0.5: 3.5, 1.0: 4.5, 2.0: 4.6})
    assert rising.holds is Holds.AGREES
    assert all(one.text.startswith("target_row_entropy, FSDD: ") for one in rising.verdict.statements)
    assert verdict({0.5: 4.6, 1.0: 4.5, 2.0: 3.5}).holds is Holds.DISAGREES


def test_a_study_without_the_papers_own_method_is_tested_on_what_it_has(
    make_study: MakeStudy, make_result: MakeResult
) -> None:
    study = make_study({"axes": {"method": ("pca", "nmf")}}, paper={**PAPER, "table": "II"})
    results = [
        make_result({"method": name}, seed, 0.5 + shift, method=name)
        for name in ("pca", "nmf")
        for seed, shift in enumerate(NOISE)
    ]
    assert verdicts(study, [ablation("invariant/method_linear")], results) == ()  # which is whether ours is the best
