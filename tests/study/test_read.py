"""Reading a study file with a profile and overrides."""

from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.study.model import Case, PaperReference, Resources, Study
from ablate.study.read import read_study
from ablate.study.search import Choices, Range, Search
from ablate.study.seeds import SeedRule
from ablate.study.write import to_yaml

STUDY = """\
name: radius
question: How far?
paper: {id: invariant-features, figure: 6}
method: invariant
dataset: fsdd
fixed: {method.k: 100, training.epochs: 5000}
axes:
  method.epsilon: [1, 2.5, 5]
baseline: {method.epsilon: 5}
seeds: 3
probes: [linear, clustering]
metric: linear/accuracy
resources: {gpu: 0.5, cpu: 2, pack: 8}
profiles:
  quick:
    dataset: digits
    training.epochs: 20
    seeds: [7]
    resources.gpu: 0
  two: {axes.method.epsilon: [1, 2], baseline.method.epsilon: 2}
  typo: {dataset: digits, sedes: 1}
"""
SHORT = "method: invariant\ndataset: digits\nseeds: 1\nprobes: [linear]\nmetric: linear/accuracy\n"
SEARCH = """\
method: invariant
dataset: digits
design: search
search:
  trials: 8
  objectives: {linear/accuracy: maximize}
  space:
    method.epsilon: {low: 0.1, high: 10, log: true}
    method.transformation: {choices: [rp, vat]}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str, profile: str | None = None, *overrides: str) -> Study:
    Path("study.yaml").write_text(text, encoding="utf-8")
    return read_study("study.yaml", profile, overrides)


def error_message(text: str, profile: str | None = None, *overrides: str) -> str:
    with pytest.raises(StudyError) as raised:
        read(text, profile, *overrides)
    assert raised.value.exit_code == 2
    return str(raised.value)


def test_every_key_of_a_study_file_is_read_with_its_type() -> None:
    assert read(STUDY) == Study(
        name="radius",
        question="How far?",
        paper=PaperReference(id="invariant-features", figure=6),
        cases=(
            Case(
                method="invariant",
                dataset="fsdd",
                fixed={"method.k": 100, "training.epochs": 5000},
                axes={"method.epsilon": (1, 2.5, 5)},
                baseline={"method.epsilon": 5},
            ),
        ),
        seeds=(0, 1, 2),
        probes=("linear", "clustering"),
        metric="linear/accuracy",
        resources=Resources(gpu=0.5, cpu=2.0, pack=8),
    )


def test_keys_that_are_left_out_have_defaults() -> None:
    study = read(SHORT)
    assert (study.name, study.question, study.seeds, study.resources) == ("study", "", (0,), Resources())
    assert study.cases == (Case(method="invariant", dataset="digits", design="grid"),)
    assert (study.resources.gpu, study.resources.cpu, study.resources.pack) == (0.0, 1.0, "auto")


def test_a_rule_of_seeds_is_read_written_and_overridden(tmp_path: Path) -> None:
    rule = "{at_least: 3, at_most: 20, until: decided, margin: 0.01}"
    study = read(SHORT.replace("seeds: 1", f"seeds: {rule}"))
    assert study.seeds == SeedRule(at_least=3, at_most=20, margin=0.01)
    assert (study.first_seeds, study.most_seeds, study.least_difference) == ((0, 1, 2), 20, 0.01)
    assert read(to_yaml(study)) == study
    assert read(SHORT.replace("seeds: 1", f"seeds: {rule}"), None, "seeds.at_most=12").most_seeds == 12
    assert read(SHORT.replace("seeds: 1", f"seeds: {rule}"), None, "seeds=2").seeds == (0, 1)
    assert "'seeds.at_most' sets a part of a rule" in error_message(SHORT, None, "seeds.at_most=12")


def test_every_key_of_a_search_is_read_with_its_type() -> None:
    study = read(SEARCH)
    assert study.search == Search(
        sampler="tpe",
        pruner="none",
        trials=8,
        objectives={"linear/accuracy": "maximize"},
        space={
            "method.epsilon": Range(low=0.1, high=10, log=True),
            "method.transformation": Choices(choices=("rp", "vat")),
        },
    )


def test_a_study_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(SHORT).metric = "train/loss"


def test_levels_keep_the_types_of_the_file() -> None:
    axes = read(SHORT + "axes: {method.epsilon: [1, 1.5, 1.0e-5, true, null, rp+vat, '2', no-bn]}\n").cases[0].axes
    levels = (1, 1.5, 1e-5, True, None, "rp+vat", "2", "no-bn")
    assert axes["method.epsilon"] == levels
    assert [type(level) for level in axes["method.epsilon"]] == [type(level) for level in levels]


def test_the_first_level_of_an_axis_is_its_baseline_by_default() -> None:
    text = SHORT + "axes: {method.k: [50, 100], method.epsilon: [1, 2]}\nbaseline: {method.epsilon: 2}\n"
    assert read(text).cases[0].baseline == {"method.k": 50, "method.epsilon": 2}


def test_the_data_set_of_a_case_with_a_data_set_axis_is_the_baseline() -> None:
    text = SHORT.replace("dataset: digits\n", "axes: {dataset: [mnist, digits]}\nbaseline: {dataset: digits}\n")
    assert read(text).cases[0].dataset == "digits"


def test_cases_take_keys_that_they_leave_out_from_the_top_level() -> None:
    study = read(
        SHORT
        + """\
fixed: {training.epochs: 10}
axes: {method.epsilon: [1, 2]}
cases:
  - {dataset: fsdd, fixed: {training.epochs: 20}}
  - {name: own, axes: {method.k: [10, 20]}, fixed: {method.xi: 5}, design: one-at-a-time, baseline: {method.k: 20}}
"""
    )
    assert study.cases == (
        Case(
            method="invariant",
            dataset="fsdd",
            fixed={"training.epochs": 20},
            axes={"method.epsilon": (1, 2)},
        ),
        Case(
            name="own",
            method="invariant",
            dataset="digits",
            design="one-at-a-time",
            fixed={"training.epochs": 10, "method.xi": 5},
            axes={"method.k": (10, 20)},
            baseline={"method.k": 20},
        ),
    )


def test_a_profile_overrides_the_file_and_overrides_override_both() -> None:
    study = read(STUDY, "quick", "training.epochs=5", "name=fast", "resources.pack=auto")
    case = study.cases[0]
    assert (study.profile, study.name, study.seeds, case.dataset) == ("quick", "fast", (7,), "digits")
    assert case.fixed == {"method.k": 100, "training.epochs": 5}
    assert study.resources == Resources(gpu=0.0, cpu=2.0, pack="auto")


def test_a_profile_replaces_the_levels_of_an_axis() -> None:
    case = read(STUDY, "two").cases[0]
    assert (case.axes, case.baseline) == ({"method.epsilon": (1, 2)}, {"method.epsilon": 2})


def test_profiles_that_are_not_chosen_change_nothing() -> None:
    study = read(STUDY)
    assert (study.profile, study.cases[0].dataset) == (None, "fsdd")


def test_an_override_replaces_the_value_of_every_case() -> None:
    cases = "cases: [{dataset: fsdd, fixed: {training.epochs: 9}}, {dataset: mnist}]\nfixed: {training.epochs: 8}\n"
    study = read(SHORT + cases, None, "training.epochs=7", "probes.linear.epochs=3", "design=one-at-a-time")
    assert [case.fixed for case in study.cases] == [{"training.epochs": 7, "probes.linear.epochs": 3}] * 2
    assert [case.design for case in study.cases] == ["one-at-a-time"] * 2
    assert [case.dataset for case in study.cases] == ["fsdd", "mnist"]


def test_an_override_of_the_data_set_replaces_that_of_every_case() -> None:
    study = read(SHORT + "cases: [{name: a, dataset: fsdd}, {name: b}]\n", None, "dataset=mnist")
    assert [case.dataset for case in study.cases] == ["mnist", "mnist"]


def test_an_override_replaces_an_axis_where_a_case_has_it() -> None:
    cases = "cases: [{axes: {method.k: [1, 2]}}, {axes: {method.epsilon: [1, 2]}}]\n"
    study = read(SHORT + cases, None, "axes.method.k=[3, 4]")
    assert [case.axes for case in study.cases] == [{"method.k": (3, 4)}, {"method.epsilon": (1, 2)}]


def test_a_profile_may_replace_the_cases() -> None:
    text = SHORT + "cases: [{dataset: fsdd}, {dataset: mnist}]\nprofiles: {one: {cases: [{dataset: digits}]}}\n"
    assert [case.dataset for case in read(text, "one").cases] == ["digits"]


def test_overrides_may_change_keys_of_a_search() -> None:
    study = read(SEARCH, None, "search.trials=3", "search.space.method.epsilon={low: 1, high: 2}")
    assert study.search is not None
    assert (study.search.trials, study.search.space["method.epsilon"]) == (3, Range(low=1, high=2))


def test_an_override_may_change_one_end_of_a_searched_range() -> None:
    study = read(SEARCH, None, "search.space.method.epsilon.high=3", "search.space.method.k.choices=[5, 10]")
    assert study.search is not None
    assert study.search.space["method.epsilon"].model_dump()["high"] == 3
    assert study.search.space["method.k"] == Choices(choices=(5, 10))


def test_a_study_has_the_places_of_its_keys_and_values() -> None:
    study = read(STUDY, "quick", "method.k=10")
    assert study.place("cases", 0, "axes", "method.epsilon", 1) == "study.yaml:8:23"
    assert study.key_place("cases", 0, "axes", "method.epsilon") == "study.yaml:8:3"
    assert study.place("cases", 0, "fixed", "training.epochs") == "study.yaml:17:22"
    assert study.place("cases", 0, "fixed", "method.k") == "--set method.k"


def test_a_study_in_the_studies_folder_is_found_by_its_name() -> None:
    Path("studies").mkdir()
    Path("studies/radius.yaml").write_text(SHORT)
    assert read_study("radius").name == "radius"
    assert read_study(Path("studies/radius.yaml")) == read_study("radius")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("radios", "radios: there is no such study; did you mean 'radius'?"),
        ("elsewhere/radius.yaml", "elsewhere/radius.yaml: there is no such study; did you mean 'radius'?"),
        ("studies", "studies: this is a folder; name a file in it"),
    ],
)
def test_a_missing_study_is_refused_with_the_most_similar_name(name: str, message: str) -> None:
    Path("studies").mkdir()
    Path("studies/radius.yaml").write_text(SHORT)
    with pytest.raises(StudyError) as raised:
        read_study(name)
    assert str(raised.value) == message


def test_a_byte_order_mark_and_windows_line_ends_are_accepted() -> None:
    Path("study.yaml").write_bytes(b"\xef\xbb\xbf" + SHORT.replace("\n", "\r\n").encode())
    assert read_study("study.yaml").cases[0].dataset == "digits"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "study.yaml:1:1: nothing is written here; begin with 'question: …'"),
        (b"# a comment\n\n", "study.yaml:1:1: nothing is written here; begin with 'question: …'"),
        (b"- method\n", "study.yaml:1:1: a study is a mapping of keys to values; begin with 'question: …'"),
        (b"invariant\n", "study.yaml:1:1: a study is a mapping of keys to values; begin with 'question: …'"),
        (b"seeds: 1\nname: caf\xe9\n", "study.yaml:2:10: byte 0xe9 is not UTF-8; save the file as UTF-8"),
        ("seeds: 1\n".encode("utf-16"), "study.yaml:1:1: byte 0xff is not UTF-8; save the file as UTF-8"),
        (b"seeds: 1\nname: \x00\n", "study.yaml:2:7: character U+0000 is not allowed; remove it"),
        (
            b"#" * 1_000_001,
            "study.yaml: the file has 1,000,001 bytes and a study at most 1,000,000; name a study file",
        ),
    ],
    ids=["empty", "a comment", "a list", "a word", "latin 1", "utf 16", "binary", "more than 1 MB"],
)
def test_a_file_that_holds_no_study_is_refused(content: bytes, message: str) -> None:
    Path("study.yaml").write_bytes(content)
    with pytest.raises(StudyError) as raised:
        read_study("study.yaml")
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sedes=3", "--set sedes: unknown key 'sedes'; did you mean 'seeds'?"),
        ("metod.k=3", "--set metod.k: unknown key 'metod.k'; did you mean 'method.k'?"),
        ("seeds", "--set seeds: no value; write path=value, as in --set training.epochs=20"),
        ("=3", "--set =3: no value; write path=value, as in --set training.epochs=20"),
        ("seeds=", "--set seeds: no value; write it after '=', as in --set seeds=5"),
        (
            "question=",
            "--set question: no value; write it after '=', as in --set 'question=Does the radius matter?'",
        ),
        ("data.limit=3", "--set data.limit: unknown key 'data.limit'; begin with 'method.', 'training.' or 'probes.'"),
        ("resource.gpu=1", "--set resource.gpu: unknown key 'resource.gpu'; did you mean 'resources.gpu'?"),
        (
            "method.epsilon=3",
            "--set method.epsilon: 'method.epsilon' is an axis, so it cannot be fixed; "
            "choose its levels with --set 'axes.method.epsilon=[3]'",
        ),
        ("axes.method.k=[1]", "--set axes.method.k: no axis is called 'method.k'; did you mean 'method.epsilon'?"),
        (
            "axes.method.epsilon=3",
            "--set axes.method.epsilon: 'method.epsilon' must be a list, not 3; write [ ] around the levels",
        ),
        ("axes.method.epsilon=[5, 5]", "--set axes.method.epsilon: level 5 is written twice; remove one"),
        ("axes.method.epsilon=[1, 2]", "study.yaml:9:28: 5 is no level of 'method.epsilon'; choose from 1, 2"),
        (
            "baseline.method.epsilon=9",
            "--set baseline.method.epsilon: 9 is no level of 'method.epsilon'; choose from 1, 2.5, 5",
        ),
        (
            "method.xi=[1",
            "--set method.xi: not YAML: expected ',' or ']', but got '<stream end>'; "
            "check brackets, quotes, colons and indentation here",
        ),
        ("method.k=&k 3", "--set method.k: anchor '&k' is not allowed; write the value where it is needed"),
        ("resources.gpus=1", "--set resources.gpus: unknown key 'gpus'; did you mean 'gpu'?"),
        ("resources.gpu=-1", "--set resources.gpu: 'gpu' must be auto or a number from 0, not -1; as in 'gpu: auto'"),
        ("seeds=0", "--set seeds: 'seeds' must be a count from 1 to 10,000 or a list, not 0; as in 'seeds: 5'"),
        (
            "name=../up",
            "--set name: 'name' must be a name of letters, digits, '-', '_' and single dots, not '../up'; "
            "as in 'name: epsilon'",
        ),
        ("profile=quick", "--set profile: 'profile' cannot be set here; choose a profile with --profile"),
    ],
)
def test_a_wrong_override_is_refused_with_the_override_as_its_place(override: str, message: str) -> None:
    assert error_message(STUDY, None, override) == message


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("quik", "--profile quik: no profile is called 'quik'; did you mean 'quick'?"),
        ("typo", "study.yaml:21:27: unknown key 'sedes'; did you mean 'seeds'?"),
    ],
)
def test_a_wrong_profile_is_refused_at_its_place(profile: str, message: str) -> None:
    assert error_message(STUDY, profile) == message


def test_a_profile_of_a_study_without_profiles_is_refused() -> None:
    assert error_message(SHORT, "quick") == "--profile quick: no profile is called 'quick'; the study has none"


def test_a_profile_that_fixes_an_axis_is_refused() -> None:
    text = STUDY + "  fixing: {method.epsilon: 3}\n"
    message = "study.yaml:22:12: 'method.epsilon' is an axis, so it cannot be fixed; remove it here, or from the axes"
    assert error_message(text, "fixing") == message


def test_a_later_override_replaces_an_earlier_one() -> None:
    assert read(STUDY, None, "seeds=2", "seeds=[4, 5]").seeds == (4, 5)


def test_an_override_that_begins_a_search_is_refused_with_the_missing_key() -> None:
    message = error_message(SHORT, None, "search.trials=3")
    assert message.startswith("--set search.trials: 'objectives' is missing; add it, as in 'objectives: ")


@pytest.mark.parametrize("text", ["1e-3", "1.0e-3", "1E-3", "+1.e-3", "10e-4", ".1e-2"])
def test_a_number_with_an_exponent_is_a_number_however_it_is_written(text: str) -> None:
    Path("study.yaml").write_text(SHORT + f"fixed: {{training.learning_rate: {text}}}\n")
    assert read_study("study.yaml").cases[0].fixed == {"training.learning_rate": 0.001}
    study = read_study("study.yaml", overrides=[f"training.learning_rate={text}"])
    assert study.cases[0].fixed == {"training.learning_rate": 0.001}


def test_a_file_name_that_makes_no_study_name_is_named() -> None:
    Path("my study.yaml").write_text(SHORT)
    with pytest.raises(StudyError) as raised:
        read_study("my study.yaml")
    assert str(raised.value) == (
        "my study.yaml:1:1: the file's name, 'my study', makes no name of a study; "
        "add one, as in 'name: epsilon', or rename the file"
    )
    Path("my study.yaml").write_text("name: mine\n" + SHORT)
    assert read_study("my study.yaml").name == "mine"


def test_a_folder_named_like_a_study_does_not_hide_it() -> None:
    Path("studies").mkdir()
    Path("studies/radius.yaml").write_text(SHORT)
    Path("radius").mkdir()
    assert read_study("radius").name == "radius"


def test_a_file_that_is_no_yaml_is_refused_and_not_quoted() -> None:
    Path("secrets").write_text("password: hunter2\n")
    with pytest.raises(StudyError) as raised:
        read_study("secrets")
    assert str(raised.value) == "secrets: this is no study file; name one that ends in .yaml or .yml"
