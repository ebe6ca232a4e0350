"""Resolving a study into trials: names, settings and defaults, and the exact error messages of mistakes in them."""

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
from ablate.planning.resolve import resolve, resolve_proposal, resolve_space
from ablate.probes.linear import Linear
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.study.search import Choices, Range
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

MISTAKES = [  # name, text of the study above, the text that replaces it, line:column: problem; remedy
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
        "7:9: no chosen probe computes 'linear/acc'; did you mean 'linear/accuracy'?",
    ),
    (
        "a metric without its probe",
        "metric: linear/accuracy",
        "metric: accuracy",
        "7:9: no chosen probe computes 'accuracy'; did you mean 'linear/accuracy'?",
    ),
    (
        "a metric of a probe that was not chosen",
        "metric: linear/accuracy",
        "metric: knn/accuracy",
        "7:9: no chosen probe computes 'knn/accuracy'; add knn to 'probes'",
    ),
    (
        "a metric of training without a name",
        "metric: linear/accuracy",
        "metric: train/",
        "7:9: no method of the study logs 'train/'; did you mean 'train/loss'?",
    ),
    (
        "a metric of embeddings that there is not",
        "metric: linear/accuracy",
        "metric: embedding/effective_rnk",
        "7:9: no metric of embeddings is called 'embedding/effective_rnk'; did you mean 'embedding/effective_rank'?",
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
        "an axis whose short name two settings have",
        "method.epsilon",
        "epochs",
        "4:3: no setting is called 'epochs'; did you mean 'training.epochs'?",
    ),
    (
        "two settings for an axis",
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
        "an axis that is no setting",
        "method.epsilon",
        "temperature",
        "4:3: no setting is called 'temperature'; begin with 'method.', 'training.' or 'probes.'",
    ),
    (
        "an axis over a probe",
        "method.epsilon",
        "probes.linear.epochs",
        "4:3: 'probes.linear.epochs' cannot vary: a probe's settings belong to the scores, not to the trials; "
        "fix it, or write one study for each value",
    ),
    (
        "an axis over a probe that was not chosen",
        "method.epsilon",
        "probes.knn.neighbors",
        "4:3: 'probes.knn.neighbors' sets a probe that this study does not use; choose from linear",
    ),
    (
        "text for a number",
        "[1, 2]",
        "[1, two]",
        "4:23: 'method.epsilon' must be a number, not 'two'; its default is 0.8",
    ),
    (
        "true for a number",
        "[1, 2]",
        "[1, true]",
        "4:23: 'method.epsilon' must be a number, not true; its default is 0.8",
    ),
    (
        "null for a number",
        "[1, 2]",
        "[1, null]",
        "4:23: 'method.epsilon' must be a number, not null; its default is 0.8",
    ),
    (
        "zero where it is excluded",
        "[1, 2]",
        "[0, 2]",
        "4:20: 'method.epsilon' must be above 0, not 0; its default is 0.8",
    ),
    ("a negative value", "[1, 2]", "[1, -2]", "4:23: 'method.epsilon' must be above 0, not -2; its default is 0.8"),
    (
        "a fraction for a whole number",
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
        "zero epochs",
        "question: Why?",
        "fixed: {training.epochs: 0}",
        "8:26: 'training.epochs' must be at least 1, not 0; its default is 5000",
    ),
    (
        "a value above its upper bound",
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
        "a mistyped choice of an option that takes numbers too",
        "question: Why?",
        "fixed: {method.sinkhorn_lambda: adaptiv}",
        "8:33: 'method.sinkhorn_lambda' must be a number or 'adaptive', not 'adaptiv'; did you mean 'adaptive'?",
    ),
    (
        "a value that the method refuses",
        "question: Why?",
        "fixed: {method.sinkhorn_lambda: -1}",
        "8:33: sinkhorn_lambda -1.0 is not above 0; use a positive number or 'adaptive'",
    ),
    (
        "a batch larger than the training set",
        "question: Why?",
        "fixed: {training.batch_size: 100000}",
        "8:30: batch size 100000 is larger than the 1437 samples of the training set; use "
        "training.batch_size of at most 1437",
    ),
    (
        "the best epoch without samples to choose it by",
        "question: Why?",
        "fixed: {training.kept: best}",
        "8:24: kept 'best' needs validation samples, and training takes all 1437; use training.samples below 1437",
    ),
    (
        "the best of several kept epochs",
        "question: Why?",
        "fixed: {training.kept: best, training.samples: 1000, training.snapshots: 2}",
        "8:24: kept 'best' is one encoder, and snapshots stores several; leave one of them out",
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
        "two cases with the same variant",
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
    ("original", "replacement", "message"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_an_unknown_name_or_invalid_value_is_refused_at_its_place(
    original: str, replacement: str, message: str
) -> None:
    assert error_message(STUDY.replace(original, replacement)) == f"study.yaml:{message}"


def read(text: str, profile: str | None = None, *overrides: str) -> Study:
    Path("study.yaml").write_text(text)
    return read_study("study.yaml", profile, overrides)


def error_message(text: str, **options: bool) -> str:
    with pytest.raises(StudyError) as raised:
        resolve(read(text), **options)
    assert raised.value.exit_code == 2
    return str(raised.value)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True)
class Untrained(Method):
    """A method that is not trained and has options that the method invariant does not have."""

    source: ClassVar[str] = "none"
    revision: ClassVar[str] = "3"
    objectives = ()

    width: int = option(4, "outputs", least=1)
    epsilon: float | None = option(None, "a radius that it ignores", above=0)

    def init(self, info: DataInfo, generator: torch.Generator) -> tuple[Tensors, Tensors]:
        return {}, {}

    def embed(self, params: Tensors, state: Tensors, inputs: torch.Tensor) -> torch.Tensor:
        return inputs


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "untrained", Untrained)


def test_trials_are_ordered_by_seed_so_that_every_variant_has_an_early_score() -> None:
    assert [trial.name for trial in resolve(read(STUDY))] == [
        "epsilon=1 · seed 0",
        "epsilon=2 · seed 0",
        "epsilon=1 · seed 1",
        "epsilon=2 · seed 1",
    ]


def test_a_trial_holds_every_setting_and_version() -> None:
    trial = resolve(read(STUDY))[0]
    assert trial.config.settings == {**asdict(Invariant()), "epsilon": 1.0}
    assert trial.config.training == asdict(Recipe())
    assert (trial.config.revision, trial.config.version) == (Invariant.revision, DATASETS["digits"].version)
    assert trial.probes == {"linear": asdict(Linear())}
    assert (trial.study, trial.levels, trial.case) == ("study", {"method.epsilon": 1}, "")


def test_levels_precede_fixed_values_the_papers_values_and_defaults() -> None:
    text = SHORT.replace("digits", "fsdd")
    radius = [trial.config.settings["epsilon"] for trial in resolve(read(text))]
    assert radius == [Invariant.datasets["fsdd"]["epsilon"]] == [5.0]
    assert resolve(read(text, None, "method.epsilon=3"))[0].config.settings["epsilon"] == 3.0
    varied = resolve(read(text + "axes: {method.epsilon: [7]}\n"))
    assert varied[0].config.settings["epsilon"] == 7.0
    assert resolve(read(text, None, "dataset=digits"))[0].config.settings["xi"] == Invariant().xi == 10.0


def test_training_has_the_papers_options_for_the_data_set() -> None:
    """SimCLR of Lee et al. on CIFAR-10 and of Bizeul et al. on MNIST; VTE and AAVAE on STL-10 in batches of 512."""

    def recipe(method: str, dataset: str, *names: str) -> list[object]:
        training = resolve(read(SHORT.replace("invariant", method).replace("digits", dataset)))[0].config.training
        return [training[name] for name in names]

    names = "epochs", "batch_size", "learning_rate", "schedule", "warm_up", "weight_decay"
    assert recipe("simclr", "cifar10", *names) == [100, 256, 1e-3, "cosine", 10.0, 1e-6]
    assert recipe("simclr", "mnist", *names) == [600, 128, 1e-3, "constant", 0.0, 0.0]
    assert recipe("simclr", "celeba", *names) == [600, 128, 3e-4, "constant", 0.0, 0.0]
    assert recipe("avt", "cifar10", "batch_size") == [256]
    assert recipe("vte-infonce-separated", "stl10-32", "batch_size", "learning_rate") == [512, 1e-4]
    for method in ("aavae", "aaae"):
        assert recipe(method, "cifar10", "batch_size", "reference_batch", "learning_rate") == [256, 256, 2.5e-4]
        assert recipe(method, "stl10", "batch_size", "reference_batch", "learning_rate") == [512, 512, 5e-4]
        assert recipe(method, "stl10", "warm_up", "epochs") == [10.0, 3200]


@dataclass(frozen=True)
class Grown(Untrained):
    """The method above, with an option that was added after it had been used."""

    revision: ClassVar[str] = "3"
    smoothing: float = option(0.0, "a share", least=0, added=True)


def test_an_option_added_to_a_method_leaves_the_key_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    text = SHORT.replace("invariant", "untrained")
    monkeypatch.setitem(METHODS, "untrained", Untrained)
    before = resolve(read(text))[0].key
    monkeypatch.setitem(METHODS, "untrained", Grown)
    assert resolve(read(text))[0].key == before
    assert resolve(read(text))[0].config.settings["smoothing"] == 0.0
    assert resolve(read(text, None, "method.smoothing=0"))[0].key == before
    assert resolve(read(text, None, "method.smoothing=0.5"))[0].key != before


def test_an_int_and_a_float_of_the_same_value_give_the_same_trial() -> None:
    whole, point = (resolve(read(SHORT, None, f"method.epsilon={value}"))[0] for value in ("5", "5.0"))
    assert whole.key == point.key
    assert isinstance(whole.config.settings["epsilon"], float)


def test_writing_a_default_leaves_the_key() -> None:
    assert resolve(read(SHORT, None, "method.xi=10"))[0].key == resolve(read(SHORT))[0].key


@pytest.mark.parametrize(
    "override", ["method.k=10", "training.epochs=7", "training.learning_rate=0.1", "dataset=mnist", "seeds=[4]"]
)
def test_an_override_that_changes_the_result_changes_the_key(override: str) -> None:
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


def test_fixed_settings_of_a_probe_hold_for_all_trials() -> None:
    trials = resolve(read(STUDY, None, "probes.linear.epochs=3"))
    assert [trial.probes["linear"]["epochs"] for trial in trials] == [3] * 4


def test_an_axis_may_mix_numbers_and_text() -> None:
    trials = resolve(read(SHORT + "axes: {method.sinkhorn_lambda: [1, 0.5, adaptive]}\n"))
    assert [trial.config.settings["sinkhorn_lambda"] for trial in trials] == [1.0, 0.5, "adaptive"]


def test_the_data_set_may_be_an_axis() -> None:
    text = SHORT.replace("dataset: digits\n", "axes: {dataset: [digits, fsdd]}\n")
    trials = resolve(read(text))
    assert [(trial.name, trial.config.dataset) for trial in trials] == [
        ("dataset=digits · seed 0", "digits"),
        ("dataset=fsdd · seed 0", "fsdd"),
    ]
    assert [trial.config.settings["epsilon"] for trial in trials] == [0.8, 5.0]


@pytest.mark.usefixtures("untrained")
def test_with_a_method_axis_fixed_settings_apply_to_the_methods_that_have_them() -> None:
    text = SHORT.replace("method: invariant\n", "axes: {method: [invariant, untrained]}\nfixed: {method.width: 8}\n")
    known, other = resolve(read(text))
    assert (known.config.method, other.config.method, other.config.revision) == ("invariant", "untrained", "3")
    assert "width" not in known.config.settings
    assert other.config.settings == {"width": 8, "epsilon": None}


@pytest.mark.usefixtures("untrained")
def test_an_axis_that_one_of_the_methods_does_not_have_is_refused() -> None:
    text = SHORT.replace("method: invariant\n", "axes: {method: [invariant, untrained], method.k: [10, 20]}\n")
    message = "study.yaml:1:40: method 'untrained' has no setting 'k' to vary; give it a case of its own"
    assert error_message(text) == message


def test_an_axis_under_an_options_former_name_is_refused_with_the_new_name() -> None:
    text = SHORT.replace("invariant", "vae") + "axes: {method.weight: [1, 2]}\n"
    assert error_message(text) == "study.yaml:6:8: 'method.weight' was renamed; write 'method.beta'"


def test_a_fixed_setting_under_an_options_former_name_is_refused_with_the_new_name() -> None:
    text = SHORT.replace("invariant", "vae") + "fixed: {method.weight: 1}\n"
    assert error_message(text) == "study.yaml:6:9: 'method.weight' was renamed; write 'method.beta'"


@pytest.mark.usefixtures("untrained")
def test_null_sets_an_option_to_none() -> None:
    text = SHORT.replace("invariant", "untrained")
    assert resolve(read(text, None, "method.epsilon=null"))[0].config.settings["epsilon"] is None
    message = "study.yaml:6:25: 'method.epsilon' must be a number or null, not 'far'; its default is null"
    assert error_message(text + "fixed: {method.epsilon: far}\n") == message


def test_variant_names_begin_with_the_cases_name_or_differing_data_set() -> None:
    text = SHORT + "cases: [{dataset: fsdd}, {name: mine, axes: {method.k: [10]}}]\n"
    assert [trial.variant_name for trial in resolve(read(text))] == ["fsdd", "mine, k=10"]


def test_an_unknown_method_of_a_method_axis_is_refused_at_its_place() -> None:
    text = SHORT.replace("method: invariant\n", "axes: {method: [invariant, invarient]}\n")
    assert error_message(text) == "study.yaml:1:28: no method is called 'invarient'; did you mean 'invariant'?"


def test_a_level_that_the_method_refuses_is_refused_at_its_place() -> None:
    text = SHORT + "axes: {training.batch_size: [64, 2000]}\n"
    assert error_message(text) == (
        "study.yaml:6:34: batch size 2000 is larger than the 1437 samples of the training set; "
        "use training.batch_size of at most 1437"
    )


def test_data_that_a_probe_refuses_are_refused_at_the_place_of_the_probe() -> None:
    text = SHORT.replace("[linear]", "[linear, knn]") + "fixed: {probes.knn.neighbors: 1500}\n"
    assert error_message(text) == (
        "study.yaml:4:18: 1500 neighbors cannot vote among 1437 training samples; "
        "set neighbors to 1437 or fewer, or use more data"
    )


def test_a_metric_over_several_snapshots_needs_a_recipe_with_several() -> None:
    text = SHORT.replace("[linear]", "[clustering]").replace("linear/accuracy", "clustering/best_nmi")
    assert error_message(text) == (
        "study.yaml:5:9: 'clustering/best_nmi' is the best of several snapshots, and 'training.snapshots' is 1; "
        "as in 'fixed: {training.snapshots: 10}'"
    )
    assert len(resolve(read(text, None, "training.snapshots=10"))) == 1


@pytest.mark.parametrize(
    "metric", ["train/loss", "embedding/std", "embedding/relative_std", "embedding/effective_rank"]
)
def test_metrics_of_training_and_of_embeddings_are_accepted(metric: str) -> None:
    assert len(resolve(read(SHORT, None, f"metric={metric}"))) == 1


def test_the_validation_loss_is_a_metric_where_it_decides_what_is_kept() -> None:
    kept = SHORT + "fixed: {training.samples: 1000, training.kept: best}\n"
    assert len(resolve(read(kept, None, "metric=train/validation_loss"))) == 1
    refused = error_message(SHORT.replace("linear/accuracy", "train/validation_loss"))
    assert refused.startswith("study.yaml:5:9: no method of the study logs 'train/validation_loss'")


def test_more_than_ten_thousand_trials_need_confirmation() -> None:
    text = SHORT + "axes: {method.k: [10, 20]}\n"
    assert len(resolve(read(text, None, "seeds=5001"), yes=True)) == 10_002
    assert len(resolve(read(text, None, "seeds=5000"))) == 10_000


def test_a_search_of_more_than_ten_thousand_trials_needs_confirmation() -> None:
    assert error_message(SEARCH.replace("trials: 8", "trials: 5001")) == (
        "study.yaml:11:8: the study has 10,002 trials, more than 10,000; vary less, or confirm with --yes"
    )


def test_a_search_resolves_to_no_trials_and_each_proposal_to_one_per_seed() -> None:
    study = read(SEARCH)
    assert resolve(study) == ()
    trials = resolve_proposal(study, {"method.epsilon": 3, "method.k": 20, "method.transformation": "rp"})
    assert [trial.name for trial in trials] == [f"epsilon=3, k=20, transformation=rp · seed {seed}" for seed in (0, 1)]
    assert [trial.config.settings["epsilon"] for trial in trials] == [3.0, 3.0]


def test_the_bounds_of_a_space_have_the_types_of_its_settings() -> None:
    found = resolve_space(read(SEARCH))
    assert found == {
        "method.epsilon": Range(low=1.0, high=4.0, step=1.0),
        "method.k": Range(low=10, high=1000, log=True),
        "method.transformation": Choices(choices=("rp", "vat")),
    }
    assert repr(found["method.epsilon"]) == "Range(low=1.0, high=4.0, log=False, step=1.0, when={})"


@pytest.mark.parametrize(
    ("original", "replacement", "message"),
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
            "5:16: no chosen probe computes 'linear/acuracy'; did you mean 'linear/accuracy'?",
        ),
        (
            "method.k:",
            "probes.linear.epochs:",
            "9:5: 'probes.linear.epochs' cannot vary: a probe's settings belong to the scores, not to the trials; "
            "fix it, or write one study for each value",
        ),
    ],
)
def test_a_space_with_an_unknown_setting_or_invalid_value_is_refused_at_its_place(
    original: str, replacement: str, message: str
) -> None:
    assert error_message(SEARCH.replace(original, replacement)) == f"study.yaml:{message}"
