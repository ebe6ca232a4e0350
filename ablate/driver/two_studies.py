"""Compares two studies from the results that MLflow holds now."""

import re
from pathlib import Path

from ablate.driver.report import current_results, runs_address
from ablate.paths import Store
from ablate.reporting.two_studies import StudyResults, TwoStudies, compare_studies
from ablate.reporting.two_studies_formats import write_comparison
from ablate.study.model import Study


def compare_recorded(first: tuple[Study, Store], second: tuple[Study, Store]) -> TwoStudies:
    """The comparison of two studies, which may be versions of one.  Raises StudyError for one without records."""
    labels = labels_of(first, second)
    sides = [
        StudyResults(label, study, current_results(study, store), runs_address(study, store))
        for label, (study, store) in zip(labels, (first, second), strict=True)
    ]
    return compare_studies(*sides)


def labels_of(first: tuple[Study, Store], second: tuple[Study, Store]) -> tuple[str, str]:
    """The studies' names, with their profiles where these differ, else with their numbers where the names are equal."""
    (one, _), (other, _) = first, second
    if one.name != other.name:
        return one.name, other.name
    if one.profile != other.profile:
        return f"{one.name} ({one.profile or 'no profile'})", f"{other.name} ({other.profile or 'no profile'})"
    return f"{one.name} (first)", f"{other.name} (second)"


def write_recorded(found: TwoStudies, store: Store) -> Path | None:
    """Write the comparison into the store's folder; None where the store may only be read."""
    names = [re.sub(r"[^A-Za-z0-9_.-]+", "-", label).strip("-") for label in (found.first, found.second)]
    return write_comparison(found, store.comparisons / "--".join(names)) if store.writable else None
