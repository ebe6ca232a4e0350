"""Whether a paper's findings hold in a study's results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ablate.papers.reference import ablation
from ablate.reporting.content import verdicts
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
        "linear_accuracy, FSDD: VAT is at most 0.005 worse than RP+VAT",
        "linear_accuracy, FSDD: RP+VAT is at most 0.005 worse than RP",
        "linear_accuracy, FSDD: RP is at most 0.005 worse than NP",
        "linear_accuracy, FSDD: VAT is better than NP by 0.15 or more",
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
