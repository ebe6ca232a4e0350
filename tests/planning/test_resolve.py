"""Where plan meets science: names, settings, defaults, and their mistakes: file → exact message."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from ablate.data import DATASETS
from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods import METHODS
from ablate.methods.invariant import Invariant
from ablate.methods.method import Method, Tensors
from ablate.options import option
from ablate.planning.resolve import propose, resolve, space
from ablate.probes.linear import Linear
from ablate.study.model import Choices, Range, Study
from ablate.study.read import read_study
from ablate.train.recipe import Recipe

STUDY = """\
method: invariant
dataset: digits
axes:
  method.epsilon: [1, 2]
seeds: 2
probes: [linear]
metric: linear/accuracy
question: Why?
"""

SHORT = """\
method: invariant
dataset: digits
seeds: 1
probes: [linear]
metric: linear/accuracy
"""

SEARCH = """\
method: invariant
dataset: digits
design: search
search:
  objectives: {linear/accuracy: maximize}
  trials: 8
  space:
    method.epsilon: {low: 1, high: 4, step: 1}
    method.k: {low: 10, high: 1000, log: true}
    method.transformation: {choices: [rp, vat]}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""

MISTAKES = [  # name, what stands in the study above, what is written instead, line:column: problem; remedy
    (
        "an unknown method",
        "method: invariant",
        "method: invarient",
        "1:9: no method is called 'invarient'; did you mean 'invariant'?",
    ),
    (
        "an unknown data set",
        "dataset: digits",
        "dataset: mnits",
        "2:10: no data set is called 'mnits'; did you mean 'mnist'?",
    ),
    ("an unknown probe", "[linear]", "[liner]", "6:10: no probe is called 'liner'; did you mean 'linear'?"),
    (
        "an unknown paper",
        "question: Why?",
        "paper: {id: invariant-feature, figure: 6}",
        "8:13: no paper is called 'invariant-feature'; did you mean 'invariant-features'?",
    ),
    (
        "an unknown metric",
        "metric: linear/accuracy",
        "metric: linear/acc",
        "7:9: no chosen probe gives 'linear/acc'; did you mean 'linear/accuracy'?",
    ),
    (
        "a metric without its probe",
        "metric: linear/accuracy",
        "metric: accuracy",
        "7:9: no chosen probe gives 'accuracy'; did you mean 'linear/accuracy'?",
    ),
    (
        "a metric of a probe that was not chosen",
        "metric: linear/accuracy",
        "metric: knn/accuracy",
        "7:9: no chosen probe gives 'knn/accuracy'; add knn to 'probes'",
    ),
    (
        "a metric of training without a name",
        "metric: linear/accuracy",
        "metric: train/",
        "7:9: no chosen probe gives 'train/'; "
        "choose from linear/accuracy, linear/highest_accuracy, linear/train_accuracy",
    ),
    (
        "a mistyped axis",
        "method.epsilon",
        "method.epsilom",
        "4:3: no setting is called 'method.epsilom'; did you mean 'method.epsilon'?",
    ),
    (
        "an axis without its section",
        "method.epsilon",
        "epsilon",
        "4:3: no setting is called 'epsilon'; did you mean 'method.epsilon'?",
    ),
    (
        "an axis over two fields, by one word",
        "method.epsilon",
        "epochs",
        "4:3: 'epochs' could be 'probes.linear.epochs' or 'training.epochs'; write the one you mean in full",
    ),
    (
        "an axis over two fields, by two words",
        "method.epsilon",
        "method.k, method.xi",
        "4:3: 'method.k, method.xi' names 2 settings; write one path for each",
    ),
    (
        "a mistyped section",
        "method.epsilon",
        "methods.epsilon",
        "4:3: no setting is called 'methods.epsilon'; did you mean 'method.epsilon'?",
    ),
    (
        "a mistyped setting of training",
        "method.epsilon",
        "training.epoch",
        "4:3: no setting is called 'training.epoch'; did you mean 'training.epochs'?",
    ),
    (
        "an axis that is nothing",
        "method.epsilon",
        "temperature",
        "4:3: no setting is called 'temperature'; begin with 'method.', 'training.' or 'probes.'",
    ),
    (
        "an axis over a probe",
        "method.epsilon",
        "probes.linear.epochs",
        "4:3: 'probes.linear.epochs' cannot vary: a probe scores trials and makes none; fix it, or write one "
        "study for each value",
    ),
    (
        "an axis over a probe that was not chosen",
        "method.epsilon",
        "probes.knn.neighbors",
        "4:3: 'probes.knn.neighbors' sets a probe that this study does not use; choose from linear",
    ),
    (
        "a word for a number",
        "[1, 2]",
        "[1, two]",
        "4:23: 'method.epsilon' must be a number, not 'two'; its default is 2.0",
    ),
    (
        "true for a number",
        "[1, 2]",
        "[1, true]",
        "4:23: 'method.epsilon' must be a number, not true; its default is 2.0",
    ),
    (
        "null for a number",
        "[1, 2]",
        "[1, null]",
        "4:23: 'method.epsilon' must be a number, not null; its default is 2.0",
    ),
    (
        "zero where it is excluded",
        "[1, 2]",
        "[0, 2]",
        "4:20: 'method.epsilon' must be above 0, not 0; its default is 2.0",
    ),
    ("a negative radius", "[1, 2]", "[1, -2]", "4:23: 'method.epsilon' must be above 0, not -2; its default is 2.0"),
    (
        "half a class",
        "question: Why?",
        "fixed: {method.k: 5.5}",
        "8:19: 'method.k' must be a whole number, not 5.5; its default is 100",
    ),
    (
        "a quoted number",
        "question: Why?",
        "fixed: {method.k: '5'}",
        "8:19: 'method.k' must be a whole number, not '5'; its default is 100",
    ),
    (
        "a number too low",
        "question: Why?",
        "fixed: {method.k: 1}",
        "8:19: 'method.k' must be at least 2, not 1; its default is 100",
    ),
    (
        "no epochs",
        "question: Why?",
        "fixed: {training.epochs: 0}",
        "8:26: 'training.epochs' must be at least 1, not 0; its default is 5000",
    ),
    (
        "a share above one",
        "question: Why?",
        "fixed: {training.late_from: 2}",
        "8:29: 'training.late_from' must be at most 1, not 2; its default is 0.2",
    ),
    (
        "a mistyped choice",
        "question: Why?",
        "fixed: {method.transformation: vta}",
        "8:32: 'method.transformation' must be 'np', 'rp', 'rp+vat' or 'vat', not 'vta'; did you mean 'vat'?",
    ),
    (
        "a number for a choice",
        "question: Why?",
        "fixed: {method.transformation: 3}",
        "8:32: 'method.transformation' must be 'np', 'rp', 'rp+vat' or 'vat', not 3; its default is 'vat'",
    ),
    (
        "a mistyped word beside numbers",
        "question: Why?",
        "fixed: {method.smoothness: adaptiv}",
        "8:28: 'method.smoothness' must be a number or 'adaptive', not 'adaptiv'; did you mean 'adaptive'?",
    ),
    (
        "what the method refuses",
        "question: Why?",
        "fixed: {method.smoothness: -1}",
        "8:28: smoothness -1.0 is not above 0; use a positive number or 'adaptive'",
    ),
    (
        "a batch of more than there is",
        "question: Why?",
        "fixed: {training.batch_size: 100000}",
        "8:30: batch size 100000 is larger than the 1437 samples of the training set; use "
        "training.batch_size of at most 1437",
    ),
    (
        "a mistyped setting of a probe",
        "question: Why?",
        "fixed: {probes.linear.epoch: 5}",
        "8:9: no setting is called 'probes.linear.epoch'; did you mean 'probes.linear.epochs'?",
    ),
    (
        "a setting of a probe that was not chosen",
        "question: Why?",
        "fixed: {probes.knn.neighbors: 5}",
        "8:9: 'probes.knn.neighbors' sets a probe that this study does not use; choose from linear",
    ),
    (
        "a variant twice",
        "question: Why?",
        "cases: [{name: a}, {name: b}]",
        "8:8: two cases hold the same variant, 'a, epsilon=1' and 'b, epsilon=1'; keep it in one of them",
    ),
    (
        "too many trials",
        "seeds: 2",
        "seeds: 5001",
        "5:8: the study has 10,002 trials, more than 10,000; vary less, or confirm with --yes",
    ),
]


@pytest.mark.parametrize(
    ("written", "mistake", "message"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_name_or_value_that_does_not_exist_is_named_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, mistake: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(STUDY.replace(written, mistake))
    with pytest.raises(StudyError) as raised:
        resolve(read_study("study.yaml"))
    assert str(raised.value) == f"study.yaml:{message}"
    assert raised.value.exit_code == 2


def read(text: str, profile: str | None = None, *overrides: str) -> Study:
    Path("study.yaml").write_text(text)
    return read_study("study.yaml", profile, overrides)


def complaint(text: str, **options: bool) -> str:
    with pytest.raises(StudyError) as raised:
        resolve(read(text), **options)
    return str(raised.value)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True)
class Still(Method):
    """A method with settings of its own, which is not trained."""

    source: ClassVar[str] = "nobody"
    revision: ClassVar[str] = "3"
    objectives = ()

    width: int = option(4, "outputs", least=1)
    epsilon: float | None = option(None, "a radius that it ignores", above=0)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return {}, {}

    def embed(self, params: Tensors, state: Tensors, inputs: torch.Tensor) -> torch.Tensor:
        return inputs


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "still", Still)


def test_trials_come_seed_by_seed_so_that_every_variant_has_an_early_answer() -> None:
    assert [trial.name for trial in resolve(read(STUDY))] == [
        "epsilon=1 · seed 0",
        "epsilon=2 · seed 0",
        "epsilon=1 · seed 1",
        "epsilon=2 · seed 1",
    ]


def test_a_trial_names_every_setting_and_version() -> None:
    trial = resolve(read(STUDY))[0]
    assert trial.config.settings == {**asdict(Invariant()), "epsilon": 1.0}
    assert trial.config.training == asdict(Recipe())
    assert (trial.config.revision, trial.config.version) == (Invariant.revision, DATASETS["digits"].version)
    assert trial.probes == {"linear": asdict(Linear())}
    assert (trial.study, trial.levels, trial.case) == ("study", {"method.epsilon": 1}, "")


def test_a_level_beats_what_is_fixed_beats_the_paper_beats_the_default() -> None:
    text = SHORT.replace("digits", "fsdd")
    radius = [trial.config.settings["epsilon"] for trial in resolve(read(text))]
    assert radius == [Invariant.datasets["fsdd"]["epsilon"]] == [5.0]
    assert resolve(read(text, None, "method.epsilon=3"))[0].config.settings["epsilon"] == 3.0
    varied = resolve(read(text + "axes: {method.epsilon: [7]}\n"))
    assert varied[0].config.settings["epsilon"] == 7.0
    assert resolve(read(text, None, "dataset=digits"))[0].config.settings["xi"] == Invariant().xi == 10.0


def test_whole_numbers_and_floats_of_one_value_are_one_trial() -> None:
    whole, point = (resolve(read(SHORT, None, f"method.epsilon={value}"))[0] for value in ("5", "5.0"))
    assert whole.key == point.key
    assert isinstance(whole.config.settings["epsilon"], float)


def test_naming_a_default_changes_no_key() -> None:
    assert resolve(read(SHORT, None, "method.xi=10"))[0].key == resolve(read(SHORT))[0].key


@pytest.mark.parametrize(
    "override", ["method.k=10", "training.epochs=7", "training.learning_rate=0.1", "dataset=mnist", "seeds=[4]"]
)
def test_an_override_of_what_decides_the_result_changes_the_key(override: str) -> None:
    assert resolve(read(SHORT, None, override))[0].key != resolve(read(SHORT))[0].key


@pytest.mark.parametrize(
    "override",
    [
        "name=other",
        "question=Else?",
        "resources.gpu=1",
        "resources.pack=4",
        "metric=train/loss",
        "probes=[linear, knn]",
    ],
)
def test_an_override_of_anything_else_leaves_the_key(override: str) -> None:
    assert resolve(read(SHORT, None, override))[0].key == resolve(read(SHORT))[0].key


def test_settings_of_a_probe_are_fixed_for_all_trials() -> None:
    trials = resolve(read(STUDY, None, "probes.linear.epochs=3"))
    assert [trial.probes["linear"]["epochs"] for trial in trials] == [3] * 4


def test_one_axis_may_hold_numbers_and_words() -> None:
    trials = resolve(read(SHORT + "axes: {method.smoothness: [1, 0.5, adaptive]}\n"))
    assert [trial.config.settings["smoothness"] for trial in trials] == [1.0, 0.5, "adaptive"]


def test_the_data_set_may_vary() -> None:
    text = SHORT.replace("dataset: digits\n", "axes: {dataset: [digits, fsdd]}\n")
    trials = resolve(read(text))
    assert [(trial.name, trial.config.dataset) for trial in trials] == [
        ("dataset=digits · seed 0", "digits"),
        ("dataset=fsdd · seed 0", "fsdd"),
    ]
    assert [trial.config.settings["epsilon"] for trial in trials] == [0.8, 5.0]


@pytest.mark.usefixtures("still")
def test_the_method_may_vary_and_what_is_fixed_reaches_those_that_have_it() -> None:
    text = SHORT.replace("method: invariant\n", "axes: {method: [invariant, still]}\nfixed: {method.width: 8}\n")
    known, other = resolve(read(text))
    assert (known.config.method, other.config.method, other.config.revision) == ("invariant", "still", "3")
    assert "width" not in known.config.settings
    assert other.config.settings == {"width": 8, "epsilon": None}


@pytest.mark.usefixtures("still")
def test_an_axis_that_one_method_lacks_asks_for_a_case() -> None:
    text = SHORT.replace("method: invariant\n", "axes: {method: [invariant, still], method.k: [10, 20]}\n")
    message = "study.yaml:1:36: method 'still' has no setting 'k' to vary; give it a case of its own"
    assert complaint(text) == message


@pytest.mark.usefixtures("still")
def test_an_absent_value_is_written_null() -> None:
    text = SHORT.replace("invariant", "still")
    assert resolve(read(text, None, "method.epsilon=null"))[0].config.settings["epsilon"] is None
    message = "study.yaml:6:25: 'method.epsilon' must be a number or null, not 'far'; its default is null"
    assert complaint(text + "fixed: {method.epsilon: far}\n") == message


def test_cases_are_told_apart_by_what_differs_or_by_their_names() -> None:
    text = SHORT + "cases: [{dataset: fsdd}, {name: mine, axes: {method.k: [10]}}]\n"
    assert [trial.variant_name for trial in resolve(read(text))] == ["fsdd", "mine, k=10"]


def test_an_unknown_level_of_the_method_names_its_place() -> None:
    text = SHORT.replace("method: invariant\n", "axes: {method: [invariant, invarient]}\n")
    assert complaint(text) == "study.yaml:1:28: no method is called 'invarient'; did you mean 'invariant'?"


def test_a_level_that_the_method_refuses_names_its_place() -> None:
    text = SHORT + "axes: {training.batch_size: [64, 2000]}\n"
    assert complaint(text) == (
        "study.yaml:6:34: batch size 2000 is larger than the 1437 samples of the training set; "
        "use training.batch_size of at most 1437"
    )


def test_data_that_a_probe_refuses_name_the_probe() -> None:
    text = SHORT.replace("[linear]", "[linear, knn]") + "fixed: {probes.knn.neighbors: 1500}\n"
    assert complaint(text) == (
        "study.yaml:4:18: 1500 neighbors cannot vote among 1437 training samples; "
        "set neighbors to 1437 or fewer, or use more data"
    )


def test_the_best_of_several_snapshots_needs_several() -> None:
    text = SHORT.replace("[linear]", "[clustering]").replace("linear/accuracy", "clustering/best_nmi")
    assert complaint(text) == (
        "study.yaml:5:9: 'clustering/best_nmi' is the best of several snapshots, and 'training.snapshots' is 1; "
        "as in 'fixed: {training.snapshots: 10}'"
    )
    assert len(resolve(read(text, None, "training.snapshots=10"))) == 1


def test_a_metric_of_training_may_be_compared() -> None:
    assert len(resolve(read(SHORT, None, "metric=train/loss"))) == 1


def test_more_than_ten_thousand_trials_need_a_yes() -> None:
    text = SHORT + "axes: {method.k: [10, 20]}\n"
    assert len(resolve(read(text, None, "seeds=5001"), yes=True)) == 10_002
    assert len(resolve(read(text, None, "seeds=5000"))) == 10_000


def test_a_search_of_more_than_ten_thousand_trials_needs_a_yes() -> None:
    assert complaint(SEARCH.replace("trials: 8", "trials: 5001")) == (
        "study.yaml:11:8: the study has 10,002 trials, more than 10,000; vary less, or confirm with --yes"
    )


def test_a_search_plans_nothing_and_runs_each_proposal_over_all_seeds() -> None:
    study = read(SEARCH)
    assert resolve(study) == ()
    trials = propose(study, {"method.epsilon": 3, "method.k": 20, "method.transformation": "rp"})
    assert [trial.name for trial in trials] == [f"epsilon=3, k=20, transformation=rp · seed {seed}" for seed in (0, 1)]
    assert [trial.config.settings["epsilon"] for trial in trials] == [3.0, 3.0]


def test_a_space_has_the_types_of_its_settings() -> None:
    found = space(read(SEARCH))
    assert found == {
        "method.epsilon": Range(low=1.0, high=4.0, step=1.0),
        "method.k": Range(low=10, high=1000, log=True),
        "method.transformation": Choices(choices=("rp", "vat")),
    }
    assert repr(found["method.epsilon"]) == "Range(low=1.0, high=4.0, log=False, step=1.0)"


@pytest.mark.parametrize(
    ("written", "mistake", "message"),
    [
        ("method.k:", "method.kk:", "9:5: no setting is called 'method.kk'; did you mean 'method.k'?"),
        ("low: 10,", "low: 10.5,", "9:21: 'method.k' must be a whole number, not 10.5; its default is 100"),
        ("low: 10,", "low: 1,", "9:21: 'method.k' must be at least 2, not 1; its default is 100"),
        (
            "[rp, vat]",
            "[rp, vta]",
            "10:43: 'method.transformation' must be 'np', 'rp', 'rp+vat' or 'vat', not 'vta'; did you mean 'vat'?",
        ),
        (
            "{linear/accuracy",
            "{linear/acuracy",
            "5:16: no chosen probe gives 'linear/acuracy'; did you mean 'linear/accuracy'?",
        ),
        (
            "method.k:",
            "probes.linear.epochs:",
            "9:5: 'probes.linear.epochs' cannot vary: a probe scores trials and makes none; "
            "fix it, or write one study for each value",
        ),
    ],
)
def test_a_space_over_what_does_not_exist_is_named_at_its_place(written: str, mistake: str, message: str) -> None:
    assert complaint(SEARCH.replace(written, mistake)) == f"study.yaml:{message}"
