"""Views of MLflow's runs table: the columns, order and filter that a link to a study opens, in any browser.

The UI keeps a shared view in a tag of the experiment, `mlflow.sharedViewState.` and a key, as JSON, and an address with
`viewStateShareKey` opens it.  `workflowType` chooses the pages for model training: without it a new browser shows those
for language models.  The table nests runs only in order of their creation and without a filter, so there are two views.
No view can unfold a run, as MLflow leaves that out of what it reads: the nested one opens as one row.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ablate.track import tags

TAG = "mlflow.sharedViewState."
NESTED, RANKED = "ablate-runs", "ablate-ranking"  # keys: study, variants, seeds nested; variants with the best first
CREATED = "attributes.start_time"
ATTRIBUTES = ("Dataset",)  # columns beside metric and axes
ALL_FACETS: Mapping[str, Any] = {
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "datasetsFilter": [],
    "modelVersionFilter": "All Runs",
}
UI_STATE: Mapping[str, Any] = {  # MLflow fills in nothing that a view lacks
    "runsExpanded": {},
    "runsPinned": [],
    "runsHidden": [],
    "runsVisibilityMap": {},
    "runsHiddenMode": "FIRST_10_RUNS",
    "viewMaximized": False,
    "runListHidden": False,
    "isAccordionReordered": False,
    "groupBy": None,
    "groupsExpanded": {},
    "autoRefreshEnabled": True,
    "useGroupedValuesInCharts": True,
    "hideEmptyCharts": True,
}


@dataclass(frozen=True)
class Columns:
    """What the table shows of a study: its metric, and the axes that it varies."""

    metric: str = ""
    axes: tuple[str, ...] = ()
    minimize: bool = False


def view_tags(columns: Columns) -> dict[str, str]:
    """The experiment's tags that hold both views; none without a metric."""
    if not columns.metric:
        return {}
    nested = view(columns, CREATED, ascending=True, search="")
    order = f"metrics.`{tags.metric_name(columns.metric)}`"
    ranked = view(columns, order, columns.minimize, f"tags.`{tags.KIND}` = 'variant'")
    return {f"{TAG}{NESTED}": nested, f"{TAG}{RANKED}": ranked}


def view(columns: Columns, order: str, ascending: bool, search: str) -> str:
    """A view as the UI reads it."""
    selected = [
        f"metrics.`{tags.metric_name(columns.metric)}`",
        *(f"params.`{tags.metric_name(axis)}`" for axis in columns.axes),
        *(f"attributes.`{name}`" for name in ATTRIBUTES),
    ]
    facets = {**ALL_FACETS, "searchFilter": search, "orderByKey": order, "orderByAsc": ascending}
    return json.dumps({**facets, **UI_STATE, "selectedColumns": selected}, separators=(",", ":"))


def link_to_runs(uri: str, experiment: str, key: str = RANKED) -> str:
    """The address of an experiment's runs table in one of the views."""
    address = uri.rstrip("/")
    return f"{address}/#/experiments/{experiment}/runs?viewStateShareKey={key}&workflowType=machine_learning"


def link_to_run(uri: str, experiment: str, run_id: str) -> str:
    """The address of a run's page."""
    return f"{uri.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"
