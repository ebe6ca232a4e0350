"""One page for a paper: its findings with verdicts, its printed numbers with ours, and what has not been run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ablate.papers.reference import Ablation, Printed, ablations, numbers, title
from ablate.reporting.content import papers_seeds, verdicts, with_ablations
from ablate.reporting.links import links_of
from ablate.reporting.outcome import Outcome
from ablate.reporting.paper import AgainstPaper, Difference, against_paper, differences, printed_value, stand_ins
from ablate.reporting.verdicts import FindingVerdict
from ablate.stats.estimate import Estimate
from ablate.stats.results import Result
from ablate.stats.statements import Holds
from ablate.stats.variants import Variant, variants_of
from ablate.study.model import Study
from ablate.study.words import NO_QUANTITY, Quantity


@dataclass(frozen=True)
class PaperStudy:
    """A launched study of a paper: what is recorded of its trials, and how many are finished."""

    study: Study
    results: tuple[Result, ...]
    file: str = ""  # what `ablate launch` takes for it; its name where that is empty
    runs: str = ""  # the address that a run's id follows in MLflow's UI

    @property
    def finished(self) -> int:
        return sum(bool(result.metrics) for result in self.results)

    @property
    def complete(self) -> bool:
        return self.finished == len(self.results)


@dataclass(frozen=True)
class NotRun:
    """A study of the paper that was not launched from this store."""

    name: str
    file: str  # below the studies folder: `invariant/k`
    question: str
    findings: tuple[str, ...]  # ids of those that it tests


@dataclass(frozen=True)
class StudyVerdict:
    """What the results of one study say of a finding."""

    study: str
    datasets: tuple[str, ...]
    found: FindingVerdict
    smaller: tuple[Difference, ...]  # of what it has less than the paper
    replaced: Mapping[str, str]  # data sets that replace one of the paper's: ours → the paper's
    trials: int  # with results
    link: str = ""  # the page of the study's runs in MLflow
    note: str = ""  # the study's, on its verdicts


@dataclass(frozen=True)
class Finding:
    """A finding of the paper, with the verdict of each study that tests it, the largest study first."""

    ablation: Ablation
    tested: tuple[StudyVerdict, ...]
    not_run: tuple[str, ...]  # studies that would test it

    @property
    def holds(self) -> Holds | None:
        """The verdict of the study at the largest scale; None where none tests it."""
        return self.tested[0].found.holds if self.tested else None

    @property
    def outcome(self) -> Outcome | None:
        """The same, with whether all of the finding was tested."""
        return self.tested[0].found.outcome if self.tested else None

    @property
    def smaller(self) -> bool:
        """Whether that verdict comes from a smaller scale, or from other data, than the paper's."""
        return bool(self.tested and (self.tested[0].smaller or self.tested[0].replaced))


@dataclass(frozen=True)
class OurNumber:
    """What a study measured where the paper prints a number."""

    study: str
    estimate: Estimate
    against: AgainstPaper
    smaller: tuple[Difference, ...]
    link: str = ""  # the address of its run in MLflow
    quantity: Quantity = NO_QUANTITY  # the metric in the study's words, or by the paper's name


@dataclass(frozen=True)
class PaperNumber:
    """A number that the paper prints, and ours for it from each study that has one, the largest scale first."""

    printed: Printed
    ours: tuple[OurNumber, ...] = ()


@dataclass(frozen=True)
class PaperPage:
    """Everything that the page of a paper states."""

    id: str
    title: str
    findings: tuple[Finding, ...]
    numbers: tuple[PaperNumber, ...]
    not_run: tuple[NotRun, ...] | None  # None where the paper's studies are not known here
    incomplete: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # study → trials with results, and planned

    @property
    def tested(self) -> tuple[Finding, ...]:
        """The findings that a study tests."""
        return tuple(finding for finding in self.findings if finding.tested)

    @property
    def measured(self) -> int:
        """The printed numbers that a study has measured."""
        return sum(bool(number.ours) for number in self.numbers)


def page_of(paper: str, studies: Sequence[PaperStudy], not_run: Sequence[NotRun] | None) -> PaperPage:
    """The page of a paper from the launched studies that name it, and from those that were not launched."""
    found = [one for each in studies for one in study_verdicts(each)]
    findings = [
        Finding(
            ablation,
            tuple(largest_first(one for one in found if one.found.ablation.id == ablation.id)),
            tuple(one.file for one in not_run or () if ablation.id in one.findings),
        )
        for ablation in ablations()
        if ablation.paper == paper
    ]
    ours: dict[tuple[str, ...], list[OurNumber]] = {}
    for each in studies:
        for printed, number in our_numbers(each):
            ours.setdefault(key_of(printed), []).append(number)
    listed = [
        PaperNumber(row, tuple(sorted(ours.get(key_of(row), ()), key=lambda number: len(number.smaller))))
        for row in numbers(paper)
    ]
    incomplete = {one.file or one.study.name: (one.finished, len(one.results)) for one in studies if not one.complete}
    return PaperPage(
        paper, title(paper), tuple(findings), tuple(listed), None if not_run is None else tuple(not_run), incomplete
    )


def key_of(row: Printed) -> tuple[str, ...]:
    """What identifies a printed number among those of its paper."""
    return row.table, row.dataset, row.method, row.metric, row.setting


def study_verdicts(one: PaperStudy) -> Iterator[StudyVerdict]:
    """The verdicts of a study on the findings that its results can test."""
    metric = one.study.compared_metric
    study, tested, _ = with_ablations(one.study, metric)
    variants = variants_of(study, one.results, metric)
    datasets = tuple(dict.fromkeys(variant.config.dataset for variant in variants))
    for found in verdicts(study, tested, one.results):
        smaller = smaller_than_paper(study, variants, [found.ablation])
        link = links_of(one.results, one.runs).study
        note = (study.paper.note if study.paper else None) or ""
        yield StudyVerdict(study.name, datasets, found, smaller, stand_ins(study), one.finished, link, note)


def smaller_than_paper(study: Study, variants: Sequence[Variant], tested: Iterable[Ablation]) -> tuple[Difference, ...]:
    """Of what a study has less than the paper: epochs, seeds, samples, labels of a probe."""
    pairs = (pair for ablation in tested for pair in differences(study, variants, ablation) if pair.smaller)
    return tuple(dict.fromkeys(pairs))


def largest_first(verdicts_found: Iterable[StudyVerdict]) -> list[StudyVerdict]:
    """The verdicts of studies on the paper's data and at its scale first, then by the number of trials."""
    return sorted(verdicts_found, key=lambda one: (len(one.smaller) + len(one.replaced), -one.trials))


def our_numbers(one: PaperStudy) -> Iterator[tuple[Printed, OurNumber]]:
    """The printed numbers that the study has measured, in any metric, each with ours."""
    study, tested, _ = with_ablations(one.study, one.study.compared_metric)
    seeds, links = papers_seeds(tested), links_of(one.results, one.runs)
    for metric in dict.fromkeys(name for result in one.results for name in result.metrics if "/" in name):
        variants = variants_of(study, one.results, metric)
        for variant in variants:
            printed = printed_value(study, tested, variant, metric)
            against = against_paper(variant.estimate, printed, seeds) if printed is not None else None
            if printed is not None and against is not None:
                smaller = smaller_than_paper(study, [variant], tested)
                link = links.variant(variant.key)
                papers = replace(variant.quantity, name=printed.metric)
                quantity = variant.quantity if metric in study.words.labels else papers
                yield printed, OurNumber(study.name, variant.estimate, against, smaller, link, quantity)
