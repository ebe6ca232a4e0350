"""What holds for a method on a data set where nothing varies: its own defaults, a paper's, and what a case fixes."""

from collections.abc import Iterator, Mapping

from ablate.methods import METHODS
from ablate.options import Value
from ablate.papers.defaults import paper_defaults
from ablate.study.model import Case, Study


def method_defaults(method: str, dataset: str) -> dict[str, Value]:
    """Path → default of a method and its training on a data set, where that is not the setting's own."""
    row = METHODS[method]
    training = {**row.recipe, **row.recipes.get(dataset, {})}
    return with_section("method", row.datasets.get(dataset, {})) | with_section("training", training)


def with_section(section: str, settings: Mapping[str, Value]) -> dict[str, Value]:
    """The settings by path: `epochs` → `training.epochs`."""
    return {f"{section}.{name}": value for name, value in settings.items()}


def fixed_settings(study: Study, case: Case, levels: Mapping[str, Value]) -> dict[str, Value]:
    """Path → value of the method, the data set and every setting that does not vary, with these levels of the axes."""
    own = {"method": case.method, "dataset": case.dataset, **case.fixed}
    method, dataset = str(levels.get("method", case.method)), str(levels.get("dataset", case.dataset))
    return {**paper_defaults(case.defaults, method, dataset, study.probes), **own} if case.defaults else own


def every_fixed_settings(study: Study) -> Iterator[dict[str, Value]]:
    """The settings that cases fix, for each of their methods on each of their data sets."""
    for case in study.cases:
        for method in case.axes.get("method", (case.method,)):
            for dataset in case.axes.get("dataset", (case.dataset,)):
                yield fixed_settings(study, case, {"method": method, "dataset": dataset})
