"""Method classes are abstract or final, with at most one abstract class between `Method` and a registered one."""

import inspect

import pytest

from ablate.methods import METHODS
from ablate.methods.method import Method

AUTOENCODERS = ("aaae", "aae", "aavae", "ae", "beta-vae", "cr-vae", "dae", "sae", "simvae", "vae")


def bases_below_method(kind: type[Method]) -> list[type]:
    return [base for base in kind.__mro__[1:] if issubclass(base, Method) and base is not Method]


def subclasses_in_the_package(kind: type[Method]) -> list[type[Method]]:
    return [child for child in kind.__subclasses__() if child.__module__.startswith("ablate.")]


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_a_registered_method_has_no_subclass(name: str) -> None:
    assert subclasses_in_the_package(METHODS[name]) == []


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_every_base_of_a_registered_method_is_abstract(name: str) -> None:
    assert not inspect.isabstract(METHODS[name])
    assert [base.__name__ for base in bases_below_method(METHODS[name]) if not inspect.isabstract(base)] == []


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_at_most_one_class_lies_between_method_and_a_registered_method(name: str) -> None:
    assert len(bases_below_method(METHODS[name])) <= 1
