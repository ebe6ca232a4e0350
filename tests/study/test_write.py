"""Writing a study as YAML and reading it again gives an equal study."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.study.model import Case, PaperReference, Resources, Study
from ablate.study.read import read_study
from ablate.study.search import Choices, Range, Search
from ablate.study.write import to_yaml

TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"], exclude_characters="\ufeff"), max_size=20
)
AMBIGUOUS_TEXT = st.sampled_from(
    ["no", "off", "1e-5", "1:30", "0o17", "nan", "~", "", "2022-01-01", "<<", "=", "a: b", "#", "-"]
)
NUMBERS = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.booleans() | NUMBERS | TEXT | AMBIGUOUS_TEXT
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}(\.[a-z0-9]{1,5})?", fullmatch=True)
SETTINGS = st.sampled_from([f"{section}.{name}" for section in ("method", "training") for name in "abcdefgh"])


LEVELS = st.lists(VALUES, min_size=1, max_size=5, unique=True).map(lambda levels: tuple(levels))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    axes = draw(st.dictionaries(SETTINGS, LEVELS, max_size=3))
    fixed = draw(st.dictionaries(SETTINGS.filter(lambda path: path not in axes), VALUES, max_size=3))
    return Case(
        method=draw(TEXT | AMBIGUOUS_TEXT),
        dataset=draw(TEXT | AMBIGUOUS_TEXT),
        design=draw(st.sampled_from(["grid", "one-at-a-time"])),
        fixed=fixed,
        axes=axes,
        baseline={path: draw(st.sampled_from(levels)) for path, levels in axes.items()},
    )


@st.composite
def studies(draw: st.DrawFn) -> Study:
    several = [
        case.model_copy(update={"name": f"case-{number}"})
        for number, case in enumerate(draw(st.lists(cases(), min_size=2, max_size=3)))
    ]
    return Study(
        name=draw(NAMES),
        question=draw(TEXT | AMBIGUOUS_TEXT),
        paper=draw(st.none() | st.builds(PaperReference, id=NAMES, table=st.integers() | TEXT, note=TEXT.filter(bool))),
        cases=tuple(draw(cases().map(lambda case: [case]) | st.just(several))),
        seeds=tuple(draw(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5, unique=True))),
        probes=tuple(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))),
        metric=draw(TEXT | AMBIGUOUS_TEXT),
        resources=draw(
            st.builds(Resources, gpu=st.floats(0, 8), cpu=st.floats(0.5, 64), pack=st.just("auto") | st.just(4))
        ),
        profile=draw(st.none() | NAMES),
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studies") / "study.yaml"


@settings(max_examples=40, deadline=None)
@given(study=studies())
def test_a_written_study_is_read_as_an_equal_study(file: Path, study: Study) -> None:
    file.write_text(to_yaml(study), encoding="utf-8")
    again = read_study(file)
    assert again == study
    assert to_yaml(again) == to_yaml(study)


@settings(max_examples=20, deadline=None)
@given(ends=st.tuples(NUMBERS, NUMBERS).filter(lambda ends: ends[0] < ends[1]), choices=LEVELS, trials=st.integers(1))
def test_a_written_search_is_read_as_an_equal_search(
    file: Path, ends: tuple[float, float], choices: tuple[str, ...], trials: int
) -> None:
    space: dict[str, Range | Choices] = {
        "method.a": Range(low=ends[0], high=ends[1]),
        "method.b": Choices(choices=choices),
    }
    search = Search(trials=min(trials, 10**9), objectives={"linear/accuracy": "maximize"}, space=space)
    case = Case(method="invariant", dataset="digits", design="search")
    study = Study(name="a", cases=(case,), seeds=(1,), probes=("linear",), metric="linear/accuracy", search=search)
    file.write_text(to_yaml(study), encoding="utf-8")
    assert read_study(file) == study


def test_a_written_study_has_its_profile_overrides_and_defaults_applied(file: Path) -> None:
    file.write_text(
        """\
name: radius
question: How far?
method: invariant
dataset: fsdd
axes: {method.epsilon: [1, 2.5]}
seeds: 2
probes: [linear]
metric: linear/accuracy
profiles: {quick: {dataset: digits}}
"""
    )
    assert to_yaml(read_study(file, "quick", ["training.learning_rate=1.0e-5"])) == (
        """\
name: radius
question: How far?
seeds: [0, 1]
probes: [linear]
metric: linear/accuracy
resources: {gpu: 0.0, cpu: 1.0, pack: auto}
profile: quick
method: invariant
dataset: digits
design: grid
fixed: {training.learning_rate: 1.0e-5}
axes:
  method.epsilon: [1, 2.5]
baseline: {method.epsilon: 1}
"""
    )


def test_what_is_empty_is_not_written() -> None:
    case = Case(method="invariant", dataset="digits", design="search")
    search = Search(trials=1, objectives={"linear/accuracy": "maximize"}, space={"method.k": Range(low=1, high=2)})
    text = to_yaml(
        Study(name="a", cases=(case,), seeds=(1,), probes=("linear",), metric="linear/accuracy", search=search)
    )
    assert not any(word in text for word in ("{}", "[]", "when", "enqueue", "sampler_options", "fixed", "axes"))
