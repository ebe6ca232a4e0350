"""Constraints of a search on means over seeds."""

import math

import pytest

from ablate.study.search import Search

SMALL, GOOD = "size/million_parameters <= 2", "knn/accuracy >= 0.5"


@pytest.fixture
def search() -> Search:
    space = {"method.k": {"low": 1, "high": 9}}
    objectives = {"linear/accuracy": "maximize"}
    return Search.model_validate({"trials": 4, "objectives": objectives, "space": space, "constraints": (SMALL, GOOD)})


def test_means_are_allowed_where_they_hold_every_constraint_also_at_its_bound(search: Search) -> None:
    means: dict[str, float | None] = {"size/million_parameters": 2.0, "knn/accuracy": 0.6}
    assert search.allows(means)
    assert not search.allows({**means, "size/million_parameters": 2.5})
    assert search.violations({**means, "size/million_parameters": 2.5}) == {SMALL: 0.5, GOOD: pytest.approx(-0.1)}


def test_a_constraint_without_a_mean_is_broken(search: Search) -> None:
    assert search.violations({"size/million_parameters": 1.0, "knn/accuracy": None}) == {SMALL: -1.0, GOOD: math.inf}
    assert not search.allows({"size/million_parameters": 1.0})


def test_a_search_compares_its_objectives_and_what_its_constraints_bound(search: Search) -> None:
    assert search.metrics == ("linear/accuracy", "size/million_parameters", "knn/accuracy")
