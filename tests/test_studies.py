"""The studies in the repository: each can be resolved, is quick in its quick profile, and has its paper's settings."""

from pathlib import Path

import pytest

from ablate.options import Value
from ablate.papers.reference import ablation
from ablate.planning.resolve import resolve, resolve_proposal, resolve_space
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.study.search import Range
from ablate.study.write import to_yaml

FOLDER = Path(__file__).parent.parent / "studies"
FILES = {  # without studies/findings: small runs with settings of their own
    file.relative_to(FOLDER).with_suffix("").as_posix(): file
    for file in sorted(FOLDER.rglob("*.yaml"))
    if "findings" not in file.relative_to(FOLDER).parts
}
OF_PAPERS = [name for name in FILES if "/" in name]
ALL = ("emnist-digits", "fashion-mnist", "fsdd", "20newsgroups", "reuters-10k")
TEXTS = ("20newsgroups", "reuters-10k")

PAPER_SETTINGS = [  # study, axis, levels, baseline, data sets, epochs
    ("k", "method.k", (50, 100, 200, 500, 1000), 100, ALL, 5000),
    ("epsilon_text", "method.epsilon", (10, 15, 20, 25, 30), 20, TEXTS, 5000),
    ("lambda_policy", "method.sinkhorn_lambda", (0.5, 0.7, 0.9, "adaptive"), "adaptive", ALL[3:4], 10_000),
    ("transformation", "method.transformation", ("np", "rp", "rp+vat", "vat"), "vat", ALL, 5000),
    ("batchnorm", "method.batchnorm", ("none", "encoder", "classifier", "both"), "both", ALL, 5000),
]


def read(name: str, profile: str | None = None) -> Study:
    return read_study(FILES[name], profile)


@pytest.mark.parametrize("name", FILES)
def test_every_study_has_a_question_and_can_be_resolved(name: str) -> None:
    study = read(name)
    assert study.question.endswith("?")
    assert study.name in (FILES[name].stem, name.replace("/", "-"))
    assert bool(resolve(study)) == (study.search is None)


def test_names_of_studies_are_unique() -> None:
    names = [read(name).name for name in FILES]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", FILES)
def test_reading_a_logged_study_gives_the_same_study(name: str, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(to_yaml(read(name)))
    assert read_study(tmp_path / "study.yaml") == read(name)


@pytest.mark.parametrize("name", ["search", *OF_PAPERS])
def test_the_quick_profile_needs_no_download_and_no_gpu(name: str) -> None:
    study = read(name, "quick")
    trials = resolve(study)
    assert {case.dataset for case in study.cases} == {"digits"}
    assert {trial.config.dataset for trial in trials} <= {"digits"}
    assert study.resources.gpu == 0
    assert len(study.seeds) in (2, 3)
    assert len(trials) <= 32
    assert all(trial.config.training["epochs"] <= 32 for trial in trials)  # type: ignore[operator]


@pytest.mark.parametrize(
    "name", [name for name in OF_PAPERS if name not in ("invariant/size", "invariant/autoencoder_batchnorm")]
)  # tables without an ablation
def test_a_study_of_an_ablation_has_at_least_as_many_seeds_as_the_paper(name: str) -> None:
    study = read(name)
    assert study.paper is not None
    prefix = name.partition("/")[0]
    assert len(study.seeds) >= ablation(f"{prefix}/{study.paper.ablation}").seeds or name == "vte/two_stage"


def test_the_quickstart_study_needs_no_download_and_few_trials() -> None:
    trials = resolve(read("quickstart"))
    assert {trial.config.dataset for trial in trials} == {"digits"}
    assert len(trials) == 2 * 3 * 3


@pytest.mark.parametrize(
    ("name", "axis", "levels", "baseline", "datasets", "epochs"), PAPER_SETTINGS, ids=[row[0] for row in PAPER_SETTINGS]
)
def test_a_study_has_the_papers_settings(
    name: str,
    axis: str,
    levels: tuple[Value, ...],
    baseline: Value,
    datasets: tuple[str, ...],
    epochs: int,
) -> None:
    study = read(f"invariant/{name}")
    assert tuple(case.dataset for case in study.cases) == datasets
    assert all(case.axes == {axis: levels} and case.baseline == {axis: baseline} for case in study.cases)
    assert study.seeds == (0, 1, 2, 3, 4)
    for trial in resolve(study):
        assert (trial.config.training["epochs"], trial.config.training["batch_size"]) == (epochs, 256)
        assert (trial.config.settings["xi"], trial.config.settings["latent_dim"]) == (10.0, 10)


def test_epsilon_is_varied_around_the_papers_value_for_each_data_set() -> None:
    study = read("invariant/epsilon")
    assert [(case.dataset, case.axes, case.baseline) for case in study.cases] == [
        ("emnist-digits", {"method.epsilon": (1, 2, 3, 4, 5)}, {"method.epsilon": 2}),
        ("fashion-mnist", {"method.epsilon": (1, 2, 3, 4, 5)}, {"method.epsilon": 2}),
        ("fsdd", {"method.epsilon": (1, 2, 3, 4, 5)}, {"method.epsilon": 5}),
    ]
    assert len(resolve(study)) == 3 * 5 * 5


def test_other_studies_have_the_papers_epsilon_for_each_data_set() -> None:
    trials = resolve(read("invariant/transformation"))
    epsilon = {trial.config.dataset: trial.config.settings["epsilon"] for trial in trials}
    assert epsilon == {"emnist-digits": 2, "fashion-mnist": 2, "fsdd": 5, "20newsgroups": 20, "reuters-10k": 20}


def test_learning_rate_and_warm_up_are_scaled_with_the_batch_size() -> None:
    """AAVAE, figure 4a: learning rate 2.5e-4 · B / 256, warm-up 10 · B / 256 epochs."""
    trials = resolve(read("aavae/batch_size"))
    assert [trial.config.training["batch_size"] for trial in trials] == [128, 256, 512, 1024]
    recipes = {(trial.config.training["learning_rate"], trial.config.training["warm_up"]) for trial in trials}
    assert recipes == {(2.5e-4, 10.0)}
    assert {trial.config.training["reference_batch"] for trial in trials} == {256}


def test_the_components_of_aavae_differ_only_in_noise_and_augmentation() -> None:
    """AAVAE, table 1; on STL-10 batches of 512 and twice the learning rate."""
    configs = [trial.config for trial in resolve(read("aavae/components"))]
    augmentations = {(config.method, config.dataset): config.settings["augmentation"] for config in configs}
    assert augmentations["ae", "cifar10"] == augmentations["vae", "cifar10"] == "normalized-cifar10"
    assert augmentations["ae", "stl10"] == augmentations["vae", "stl10"] == "normalized-stl10"
    assert augmentations["aaae", "cifar10"] == augmentations["aavae", "cifar10"] == "simclr-cifar10"
    assert augmentations["aaae", "stl10"] == augmentations["aavae", "stl10"] == "simclr-stl10"
    for config in configs:
        assert (config.settings["network"], config.settings["decoder"]) == ("resnet50", "resnet50")
        assert (config.settings["latent_dim"], config.training["epochs"]) == (128, 3200)
        large = config.dataset == "stl10"
        assert (config.training["batch_size"], config.training["learning_rate"]) == (
            (512, 5e-4) if large else (256, 2.5e-4)
        )
        assert config.training["warm_up"] == 10


def test_all_methods_of_simvae_have_the_same_encoder_code_size_and_augmentation() -> None:
    trials = resolve(read("simvae/method_content"))
    for dataset, network, code in (("mnist", "simvae-mlp", 10), ("cifar10", "narrow", 64), ("celeba", "narrow", 64)):
        configs = [trial.config for trial in trials if trial.config.dataset == dataset]
        assert len(configs) == 8 * 3
        assert {(config.settings["network"], config.settings["latent_dim"]) for config in configs} == {(network, code)}
        assert {config.settings["augmentation"] for config in configs} == {f"simvae-{dataset}"}
        assert {config.settings.get("proj_head", False) for config in configs} == {False}
        trained = [config for config in configs if config.method != "random"]
        assert {config.training["batch_size"] for config in trained} == {128}


def test_the_vae_of_simvae_has_the_settings_of_its_beta_vae_except_for_the_variance() -> None:
    trials = [trial.config for trial in resolve(read("simvae/method_content")) if trial.config.seed == 0]
    plain, sharp = (
        {config.dataset: config for config in trials if config.method == method} for method in ("vae", "beta-vae")
    )
    assert len(plain) == 4
    for dataset, config in plain.items():
        ours, theirs = dict(config.settings), dict(sharp[dataset].settings)
        assert (ours.pop("likelihood_variance"), theirs.pop("likelihood_variance")) == (1.0, 0.01005)
        assert ours == {name: theirs[name] for name in ours}
        assert config.training == sharp[dataset].training


def test_the_search_proposes_epsilon_k_and_learning_rate() -> None:
    study = read("search")
    assert resolve_space(study) == {
        "method.epsilon": Range(low=0.5, high=20.0, log=True),
        "method.k": Range(low=20, high=1000, log=True),
        "training.learning_rate": Range(low=5e-5, high=5e-3, log=True),
    }
    trials = resolve_proposal(study, {"method.epsilon": 4.0, "method.k": 64, "training.learning_rate": 1e-3})
    assert [trial.config.seed for trial in trials] == [0, 1, 2]
    assert trials[0].config.training["learning_rate"] == 1e-3


@pytest.mark.parametrize(
    ("name", "probe", "settings"),
    [
        ("aavae/logscale", "linear", {"labels": 45000, "augmentation": "crop-flip-reflect", "epochs": 90}),
        ("aavae/logscale", "density", {"split": "validation", "importance_samples": 16}),
        ("de/loss", "nlad", {"flatten_map": True}),
        ("invariant/method_mine", "mine", {"held_out_fraction": 0.0}),
        ("simvae/method_content", "linear", {"epochs": 200, "batch_size": 128, "learning_rate": 3e-4}),
        ("simvae/method_content", "mlp", {"epochs": 200, "batch_size": 128}),
        ("vte/method_cifar10", "classifier-5000", {"augmentation": "vte", "batch_size": 256, "passes": 5}),
        ("vte/method_stl10", "classifier-5000", {"augmentation": "vte", "batch_size": 512, "passes": 5}),
    ],
)
def test_probes_follow_the_protocol_of_the_studys_paper(name: str, probe: str, settings: dict[str, Value]) -> None:
    for trial in resolve(read(name)):
        assert {option: trial.probes[probe][option] for option in settings} == settings


def test_the_gender_of_celeba_is_predicted_by_one_sigmoid() -> None:
    """SimVAE, section 7."""
    for trial in resolve(read("simvae/method_content")):
        binary = "sigmoid" if trial.config.dataset == "celeba" else "softmax"
        assert (trial.probes["linear"]["binary"], trial.probes["mlp"]["binary"]) == (binary, binary)


def test_distance_enhancement_keeps_the_epoch_of_least_validation_loss_in_self_supervised_training() -> None:
    trials = [trial.config for trial in resolve(read("de/method_nlad"))]
    kept = {config.method: (config.training["samples"], config.training["kept"]) for config in trials}
    assert {kept.pop(method) for method in ("simclr", "swav", "moco-v2")} == {(45000, "best")}
    assert set(kept.values()) == {(0, "last")}
