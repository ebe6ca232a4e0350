"""Everything that a report says, before it is put in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ablate.errors import StudyError
from ablate.papers.reference import Ablation, title
from ablate.reporting.paper import Difference, differences, expected, findings, place_of, stand_ins
from ablate.stats.results import Result
from ablate.stats.variants import CONFIDENCE, Variant, case_of, variants
from ablate.study.model import Study


@dataclass(frozen=True)
class Answer:
    """A study's variants beside what its paper says of them."""

    study: Study  # without its paper where `problem` says why
    metric: str
    variants: tuple[Variant, ...]
    others: Mapping[str, tuple[Variant, ...]] = field(default_factory=dict)  # by metric, the same variants
    ablations: tuple[Ablation, ...] = ()
    differences: tuple[Difference, ...] = ()
    foreign: int = 0  # trials of an earlier form of the study, left out
    problem: str = ""  # with the reference to the paper

    @property
    def smaller(self) -> tuple[Difference, ...]:
        """Where the study spent less than the paper."""
        return tuple(difference for difference in self.differences if difference.smaller)


def answer(study: Study, results: Sequence[Result]) -> Answer:
    """Compile a report; a wrong reference to a paper is said in it, and stands in the way of nothing."""
    metric = metric_of(study)
    study, ablations, problem = with_paper(study, metric)
    found = variants(study, results, metric)
    return Answer(
        study=study,
        metric=metric,
        variants=found,
        others={other: variants(study, results, other) for other in other_metrics(study, results, metric)},
        ablations=ablations,
        differences=tuple(dict.fromkeys(pair for known in ablations for pair in differences(study, found, known))),
        foreign=sum(case_of(study, result) is None for result in results),
        problem=problem,
    )


def metric_of(study: Study) -> str:
    """What the report compares: a search's objective, else the study's metric."""
    return study.metric if study.search is None else next(iter(study.search.objectives))


def with_paper(study: Study, metric: str) -> tuple[Study, tuple[Ablation, ...], str]:
    try:
        return study, findings(study, metric), ""
    except StudyError as error:
        return study.model_copy(update={"paper": None}), (), str(error)


def other_metrics(study: Study, results: Iterable[Result], metric: str) -> tuple[str, ...]:
    """The study's probes' other metrics, by name."""
    names = {name for result in results for name in result.metrics if name.partition("/")[0] in study.probes}
    return tuple(sorted(names - {metric}))


def plain(found: Answer) -> dict[str, Any]:
    """Everything as JSON knows it; null is what is not known."""
    return {
        "study": found.study.name,
        "question": found.study.question,
        "profile": found.study.profile,
        "metric": found.metric,
        "confidence": CONFIDENCE,
        "variants": [variant_json(found, one) for one in found.variants],
        "paper": paper_json(found),
        "problem": found.problem or None,
    }


def variant_json(found: Answer, one: Variant) -> dict[str, Any]:
    printed = expected(found.study, one, found.metric)
    return {
        "dataset": one.config.dataset,
        "method": one.config.method,
        "levels": dict(one.levels),
        "baseline": one.baseline,
        **asdict(one.estimate),
        "scores": {str(seed): score for seed, score in one.scores.items()},
        "failed": {str(seed): reason for seed, reason in one.failed.items()},
        "missing": list(one.missing),
        "paper": printed and asdict(printed),
    }


def paper_json(found: Answer) -> dict[str, Any] | None:
    paper = found.study.paper
    if paper is None:
        return None
    return {
        "id": paper.id,
        "title": title(paper.id),
        "place": place_of(found.study) or None,
        "findings": {ablation.id: ablation.finding for ablation in found.ablations},
        "differences": [asdict(difference) for difference in found.differences],
        "stand_ins": stand_ins(found.study),
    }
