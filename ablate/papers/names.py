"""The papers' names for what studies name: methods, data sets, metrics, axes and levels, one table for each paper.

Studies use the names of this package; `reference_results.csv` and `ablations.yaml` keep those of the papers.  The name
that a paper prints is accepted wherever one of ours is, so what has no row here can still be looked up.  There is a row
only where ours is the same thing as the paper's: a recompressed data set, or the last epoch where the paper took the
best one, has none, since the two numbers must not be compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ablate.options import Value
from ablate.registry import split_count

Names = Mapping[str, str]
Spread = Literal["standard deviation", "standard error"]
NUM_LABELS = "num_labels"  # the axis of labelled samples


@dataclass(frozen=True)
class PaperNames:
    """The names in one paper: every table maps our name to the paper's, unless its comment says otherwise."""

    prefix: str  # of the ids in ablations.yaml: `invariant` in `invariant/epsilon`
    datasets: Names = field(default_factory=dict)
    stand_ins: Names = field(default_factory=dict)  # data sets that replace one of the paper's; never compared with it
    methods: Names = field(default_factory=dict)  # ours may carry settings: "simclr, distance_enhancement=0.1"
    method_groups: Names = field(default_factory=dict)  # the paper's method → the name of rows that hold for several
    metrics: Names = field(default_factory=dict)  # "error_rate: k-NN" where the row's setting has to begin with "k-NN"
    classifiers: Names = field(default_factory=dict)  # their names in ablations.yaml → in the rows' settings
    metric_levels: Mapping[str, Names] = field(default_factory=dict)  # our metric → the levels that its rows have
    default_levels: Names = field(default_factory=dict)  # axis → the level that the paper's rows have unless they vary
    axes: Names = field(default_factory=dict)  # ours without the part before its last dot
    levels: Mapping[str, Names] = field(default_factory=dict)  # the paper's axis → its levels
    better_of: Names = field(default_factory=dict)  # our method → our axis, the better level of which the rows have
    spread: Spread = "standard deviation"  # what the paper prints behind ±
    package: str = "ablate.papers"  # the Python package that holds ablations.yaml and reference_results.csv

    def method(self, name: str, settings: Mapping[str, object]) -> str:
        """The paper's name of a method with these settings: of the rows of `methods` that hold, the most specific."""
        required = {key: settings_in(key) for key in self.methods if key.partition(",")[0] == name}
        matching = [
            key
            for key, levels in required.items()
            if all(as_text(settings.get(axis)) == level for axis, level in levels.items())
        ]
        return self.methods[max(matching, key=len)] if matching else name

    def axes_in_method_name(self, name: str) -> frozenset[str]:
        """The axes whose level the paper's name of a method states: `lambda` of `SimCLR + DE`."""
        required = [settings_in(key) for key in self.methods if key.partition(",")[0] == name]
        return frozenset(self.axis(axis) for levels in required for axis in levels)

    def method_names(self, method: str) -> frozenset[str]:
        """The names that a method, given by our name or the paper's, may have in the paper's rows."""
        name = self.methods.get(method, method)
        return frozenset({name, self.method_groups.get(name, name)})

    def metric(self, name: str) -> str:
        """The paper's name of a metric; a count of labels in the probe's name makes no difference."""
        return self.metrics.get(split_label_count(name)[0], name)

    def levels_in_metric_name(self, name: str) -> dict[str, Value]:
        """The levels of the paper's rows that one of our metrics states: `knn-500/error_rate` has 500 labels."""
        metric, labels = split_label_count(name)
        return {**self.metric_levels.get(metric, {}), **({NUM_LABELS: labels} if labels else {})}

    def axis(self, path: str) -> str:
        """The paper's name of an axis or setting: `method.views` → `num_views`."""
        name = path.rpartition(".")[2]
        return self.axes.get(name, name)

    def level(self, axis: str, level: object) -> str:
        """A level as the paper prints it: `vat` of the axis `transformation` → `VAT`, 5.0 → `5`."""
        text = as_text(level)
        return self.levels.get(axis, {}).get(text, text)


def split_label_count(metric: str) -> tuple[str, int]:
    """A metric and the count of labels in its probe's name: `knn-500/error_rate` → `knn/error_rate`, 500; 0 if none."""
    probe, _, name = metric.partition("/")
    kind, labels = split_count(probe)
    return f"{kind}/{name}", labels


def as_text(level: object) -> str:
    """A level as text, floats without a trailing zero: 5.0 → `5`."""
    return f"{level:g}" if isinstance(level, float) else str(level)


def settings_in(key: str) -> dict[str, str]:
    """The settings in a key of `methods`: `simclr, distance_enhancement=0.1` → {distance_enhancement: 0.1}."""
    pairs = (part.strip().partition("=") for part in key.split(",")[1:])
    return {name: level for name, _, level in pairs}
