"""Which numbers that a paper printed are measured by the studies in the studies folder."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ablate.errors import StudyError
from ablate.papers import PAPERS
from ablate.papers.names import split_label_count
from ablate.papers.reference import places_of, printed
from ablate.planning.resolve import resolve
from ablate.probes import PROBES
from ablate.study.read import STUDIES_FOLDER, read_study

if TYPE_CHECKING:
    from ablate.papers.reference import Printed
    from ablate.study.model import Study
    from ablate.trial import Config

PrintedLine = tuple[str, ...]  # a printed number without its value: table, data set, method, metric, setting


def studies_of(paper: str) -> "dict[str, Study]":
    """The studies in the studies folder that name the paper, by their files below it: `invariant/k`."""
    found = {}
    for file in sorted(STUDIES_FOLDER.rglob("*.yaml")):
        if paper not in file.read_text(encoding="utf-8", errors="replace"):
            continue
        try:
            study = read_study(file)
        except StudyError:  # `ablate check` reports it
            continue
        if study.paper is not None and study.paper.id == paper:
            found[file.relative_to(STUDIES_FOLDER).with_suffix("").as_posix()] = study
    return found


def printed_lines(study: "Study") -> Iterator[PrintedLine]:
    """The numbers that the study's paper printed of the study's variants, for any metric of its probes."""
    if study.paper is None:
        return
    paper = PAPERS[study.paper.id]
    metrics = [f"{probe}/{metric}" for probe in study.probes for metric in PROBES[probe].metrics]
    printed_metrics = [metric for metric in metrics if split_label_count(metric)[0] in paper.metrics]
    try:
        trials = resolve(study.model_copy(update={"seeds": study.first_seeds[:1]}))
    except StudyError:  # `ablate check` reports it
        return
    for trial in trials:
        for metric in printed_metrics:
            yield from lines_of_trial(study, trial.config, metric)


def lines_of_trial(study: "Study", config: "Config", metric: str) -> Iterator[PrintedLine]:
    """The numbers that the study's paper printed of a trial's method, data set and levels, in one metric."""
    assert study.paper is not None
    paper = PAPERS[study.paper.id]
    method = paper.method(config.method, config.settings)
    settings = {paper.axis(path): value for path, value in {**config.training, **config.settings}.items()}
    by_metric = paper.levels_in_metric_name(metric)
    for row in printed(study.paper.id, places_of(study.paper), config.dataset, metric, method):
        levels = {axis: level for axis, level in row.levels.items() if axis not in by_metric}
        if all(axis in settings and paper.level(axis, settings[axis]) == level for axis, level in levels.items()):
            yield line_of(row)


def line_of(row: "Printed") -> PrintedLine:
    return row.table, row.dataset, row.method, row.metric, row.setting
