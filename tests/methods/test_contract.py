"""What every method promises, whatever paper it is from."""

import dataclasses
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods import METHODS
from ablate.methods.method import Method, Tensors
from ablate.nets.precision import Precision
from ablate.options import options_of
from ablate.train import recording
from ablate.train.checkpoint import Checkpoint, load, save
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.pack import Pack, Stacked, float_settings
from ablate.train.recipe import Recipe

PERCEPTRON: Mapping[str, Any] = {"network": "simvae-mlp", "width": 1, "latent_dim": 4, "augmentation": "simclr-grey"}
WARPED: Mapping[str, Any] = {"width": 8, "latent_dim": 4, "hidden": 8}
SMALL: Mapping[str, Mapping[str, Any]] = {  # settings that make a step short
    "invariant": {"k": 6, "latent_dim": 4, "epsilon": 0.5},
    "pca": {"latent_dim": 4},
    "nmf": {"latent_dim": 4},
    "isomap": {"latent_dim": 4},
    "lle": {"latent_dim": 4},
    "ae": {"latent_dim": 4},
    "sae": {"latent_dim": 4},
    "dae": {"latent_dim": 4},
    "vae": {"latent_dim": 4},
    "aae": {"latent_dim": 4},
    "cpc": {"latent_dim": 4, "segments": 4, "filters": 4, "hidden": 8},
    "random": PERCEPTRON,
    "supervised": PERCEPTRON,
    "simclr": PERCEPTRON | {"head_dim": 4, "distance_enhancement": 0.1},
    "moco": PERCEPTRON | {"head_dim": 4, "queue": 16, "splits": 2},
    "moco-v2": PERCEPTRON | {"head_dim": 4, "queue": 16, "splits": 2},
    "swav": PERCEPTRON | {"head_dim": 4, "prototypes": 5},
    "vicreg": PERCEPTRON | {"head_dim": 4},
    "aaae": PERCEPTRON | {"decoder": "mirror"},
    "aavae": PERCEPTRON | {"decoder": "mirror"},
    "beta-vae": PERCEPTRON,
    "cr-vae": PERCEPTRON,
    "simvae": PERCEPTRON | {"views": 2},
    "avt": WARPED,
    "predictive-transformation": WARPED,
    "vte-barber-agakov": WARPED,
    "vte-infonce-separated": WARPED,
    "vte-infonce-concatenated": WARPED,
}
SHAPES: Mapping[str, tuple[int, ...]] = {  # of the inputs, where a method needs other than vectors
    **{name: (1, 8, 8) for name, settings in SMALL.items() if settings.get("network") == "simvae-mlp"},
    **dict.fromkeys(("avt", "predictive-transformation", *(name for name in SMALL if "vte" in name)), (3, 16, 16)),
}
SAMPLES, BATCH = 40, 8
RECIPE = Recipe(epochs=10, batch_size=BATCH)  # 50 steps
STEPS = 50
CPU, CUDA = torch.device("cpu"), torch.device("cuda")

Start = tuple[Tensors, Tensors, Tensors, Tensors]


class StackedFit(Fit):
    """Trains as on an accelerator."""

    def kind(self) -> type[Pack]:
        return Stacked


@pytest.fixture(params=sorted(METHODS))
def method(request: pytest.FixtureRequest) -> Method:
    return METHODS[request.param](**SMALL.get(request.param, {}))


def shape_for(method: Method) -> tuple[int, ...]:
    name = next(name for name, kind in METHODS.items() if kind is type(method))
    return SHAPES.get(name, (6,))


def data_for(method: Method) -> TrainingSet:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(SAMPLES, *shape_for(method), generator=generator)
    return TrainingSet(inputs, torch.arange(SAMPLES) % 3, 1.0)


def start(method: Method, seed: int = 0) -> Start:
    """Parameters, state, a batch and noise."""
    generator = torch.Generator().manual_seed(seed)
    solved = None if method.objectives else method.solve(data_for(method).inputs, generator)
    params, state = solved or method.init(DataInfo(shape_for(method), SAMPLES, 3, BATCH), generator)
    params, state = (
        method.load_pretrained(params, state, first_encoder(method)) if method.pretraining() else (params, state)
    )
    batch = {**data_for(method).batch(torch.arange(BATCH)), "progress": torch.tensor(0.3)}
    return params, state, batch, method.draw(batch, generator)


def first_encoder(method: Method) -> Tensors:
    """What the first phase would leave, had it not trained."""
    first = method.pretraining()
    assert first is not None
    before = METHODS[first.method](**first.settings)
    params, state = before.init(DataInfo(shape_for(method), SAMPLES, 3, BATCH), torch.Generator().manual_seed(7))
    return {name: tensor for name, tensor in {**params, **state}.items() if name.startswith(before.exported)}


def copied(tensors: Tensors) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}


def same(first: Tensors, second: Tensors) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def losses(method: Method, given: Start) -> list[tuple[Tensor, Tensors, Tensors]]:
    return [getattr(method, objective.loss)(*given) for objective in method.objectives]


def test_every_setting_says_what_it_means(method: Method) -> None:
    assert all(option.description for option in options_of(type(method)))
    assert method.source


def test_defaults_by_data_set_are_settings(method: Method) -> None:
    for settings in method.datasets.values():
        dataclasses.replace(method, **settings)  # type: ignore[type-var]


def test_the_global_generator_is_neither_used_nor_moved(method: Method) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = start(method)
    shown = [loss for loss, _, _ in losses(method, first)]
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    second = start(method)
    assert all(same(*pair) for pair in zip(first, second, strict=True))
    assert shown == [loss for loss, _, _ in losses(method, second)]


def test_no_argument_is_changed_in_place(method: Method) -> None:
    given = start(method)
    before = [copied(tensors) for tensors in given]
    losses(method, given)
    method.embed(given[0], given[1], given[2]["input"])
    assert all(same(*pair) for pair in zip(given, before, strict=True))


def test_the_state_keeps_its_names_and_shapes(method: Method) -> None:
    given = start(method)
    for _, shown, after in losses(method, given):
        assert {name: tensor.shape for name, tensor in after.items()} == {n: t.shape for n, t in given[1].items()}
        assert "loss" in shown
        assert all(value.shape == () for value in shown.values())


def test_gradients_are_finite_and_reach_every_parameter(method: Method) -> None:
    given = start(method)
    for objective in method.objectives:
        learned = {n: t.clone().requires_grad_() for n, t in given[0].items() if n.startswith(objective.learns)}
        loss = getattr(method, objective.loss)({**given[0], **learned}, *given[1:])[0]
        gradients = dict(zip(learned, torch.autograd.grad(loss, [*learned.values()]), strict=True))
        assert all(gradient.isfinite().all() for gradient in gradients.values())
        assert [name for name, gradient in gradients.items() if "weight" in name and not gradient.any()] == []


def test_embedding_is_deterministic_and_needs_only_what_is_kept(method: Method) -> None:
    params, state, batch, _ = start(method)
    kept = {name: tensor for name, tensor in {**params, **state}.items() if name.startswith(method.exported)}
    features = method.embed(params, state, batch["input"])
    assert features.shape[0] == BATCH
    assert features.dim() == 2
    assert torch.equal(features, method.embed(kept, kept, batch["input"]))
    torch.testing.assert_close(features[:2], method.embed(kept, kept, batch["input"][:2]))


def run(
    kind: type[Fit],
    methods: list[Method],
    seeds: list[int],
    steps: int,
    *,
    double: bool = False,
    recipe: Recipe = RECIPE,
    device: torch.device = CPU,
    resume: Checkpoint | None = None,
) -> Fit:
    """A fit after some steps from its start, or from a checkpoint of one trial, in single or double precision."""
    data = data_for(methods[0])
    recipes = [recipe] * len(methods)
    first = [first_encoder(method) for method in methods if method.pretraining()]
    fit = kind(methods, recipes, seeds, data, device, [resume] if resume else [], first)
    if double:
        data = TrainingSet(data.inputs.double(), data.labels, data.scale)
        starts = [resume] if resume else [doubled(fit.checkpoint(k)) for k in range(len(methods))]
        fit = kind(methods, recipes, seeds, data, device, starts, first)
    for _ in islice(fit.steps(), steps):
        pass
    return fit


def doubled(checkpoint: Checkpoint) -> Checkpoint:
    def wide(tensors: Tensors) -> Tensors:
        return {name: t.double() if t.is_floating_point() else t for name, t in tensors.items()}

    return dataclasses.replace(checkpoint, params=wide(checkpoint.params), state=wide(checkpoint.state))


def all_of(fit: Fit, member: int) -> Tensors:
    found = fit.checkpoint(member)
    return {**found.params, **found.state}


@pytest.mark.parametrize("kind", [Fit, StackedFit])
def test_what_is_kept_is_what_the_loss_returned(method: Method, kind: type[Fit]) -> None:
    """Also where that is a parameter as the loss saw it: the optimizer then changes the parameter in place."""
    if len(method.objectives) != 1 or method.cannot_pack:
        pytest.skip("it takes several turns, or none")
    fit = run(kind, [method], [3], 2, double=True)
    before = fit.checkpoint(0)
    noise = torch.Generator()
    noise.set_state(before.noise)
    batch = {**fit.data.batch(fit.indices()[0]), "progress": torch.tensor(fit.step / fit.total)}
    loss = getattr(method, method.objectives[0].loss)
    _, _, returned = loss(before.params, before.state, batch, method.draw(batch, noise))
    next(fit.steps())
    for name, tensor in fit.checkpoint(0).state.items():
        torch.testing.assert_close(tensor, returned[name], rtol=1e-6, atol=1e-6)


def test_a_resumed_trial_equals_one_that_never_stopped(method: Method, tmp_path: Path) -> None:
    """In the middle of an epoch, through a file: parameters, optimizer, queues, momentum, noise, a first encoder."""
    if not method.objectives:
        pytest.skip("it is fitted, not trained")
    whole = run(Fit, [method], [3], 9)
    save(tmp_path / "checkpoint", run(Fit, [method], [3], 7).checkpoint(0))
    first = [first_encoder(method)] if method.pretraining() else []
    resumed = Fit([method], [RECIPE], [3], data_for(method), CPU, [load(tmp_path / "checkpoint")], first)
    for _ in islice(resumed.steps(), 2):
        pass
    assert same(all_of(resumed, 0), all_of(whole, 0))
    memories = [fit.checkpoint(0).optimizers for fit in (resumed, whole)]
    for one, other in zip(*memories, strict=True):
        assert all(same(one[name], other[name]) for name in one | other)


@pytest.mark.slow
def test_packed_equals_alone(method: Method) -> None:
    """Bit by bit on a CPU, where members step one after the other."""
    packed = run(Fit, [method] * 4, [0, 1, 2, 3], STEPS)
    for member in (0, 2):
        assert same(all_of(packed, member), all_of(run(Fit, [method], [member], STEPS), 0))
    assert not method.objectives or not same(all_of(packed, 0), all_of(packed, 2))


@pytest.mark.slow
def test_stacked_equals_alone(method: Method) -> None:
    """In double precision: stacked batch norm and matrix-vector products are other kernels, which round otherwise."""
    if method.cannot_pack:
        pytest.skip(method.cannot_pack)
    stacked = run(StackedFit, [method] * 4, [0, 1, 2, 3], STEPS, double=True)
    for kind in (Fit, StackedFit):
        alone = all_of(run(kind, [method], [2], STEPS, double=True), 0)
        for name, tensor in all_of(stacked, 2).items():
            torch.testing.assert_close(tensor, alone[name], rtol=1e-4, atol=1e-4)


def test_the_first_stacked_step_shows_what_it_shows_alone(method: Method) -> None:
    if method.cannot_pack:
        pytest.skip(method.cannot_pack)
    stacked = run(StackedFit, [method] * 3, [0, 1, 2], 1)
    for member in range(3):
        alone = run(Fit, [method], [member], 1)
        for name, values in stacked.sums.items():
            torch.testing.assert_close(values[member], alone.sums[name][0], rtol=1e-4, atol=1e-4)


def test_any_float_setting_may_differ_within_a_pack(method: Method) -> None:
    if method.cannot_pack:
        pytest.skip(method.cannot_pack)
    floats = float_settings(method)
    changed: Any = method
    others = [dataclasses.replace(changed, **{name: getattr(method, name) / 2}) for name in floats]
    members = [method, *others]
    stacked = run(StackedFit, members, [0] * len(members), 2)
    for member, variant in enumerate(members):
        alone = run(Fit, [variant], [0], 2)
        for name, values in stacked.sums.items():
            torch.testing.assert_close(values[member], alone.sums[name][0], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_a_step_in_lower_precision_shows_nearly_the_same(method: Method, precision: Precision) -> None:
    recipe = dataclasses.replace(RECIPE, precision=precision)
    for kind in (Fit, StackedFit) if method.objectives and method.stacks else (Fit,):
        exact, rounded = run(kind, [method], [0], 1), run(kind, [method], [0], 1, recipe=recipe)
        for name in exact.pack.losses if method.objectives else ():  # temperatures of 0.05 make much of little
            torch.testing.assert_close(rounded.sums[name], exact.sums[name], rtol=0.4, atol=0.1)
        assert all(tensor.dtype != torch.bfloat16 for tensor in all_of(rounded, 0).values())


@pytest.mark.gpu
@pytest.mark.parametrize("count", [1, 3])
def test_recorded_steps_equal_those_kernel_by_kernel(
    method: Method, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [method] * count, [*range(count)]
    recorded = all_of(run(Fit, *members, 12, double=True, device=CUDA), count - 1)
    monkeypatch.setattr(recording, "PRACTICE", 12)
    by_kernel = all_of(run(Fit, *members, 12, double=True, device=CUDA), count - 1)
    for name, tensor in by_kernel.items():
        torch.testing.assert_close(recorded[name], tensor, rtol=1e-6, atol=1e-6)


@pytest.mark.gpu
def test_on_an_accelerator_packed_equals_alone(method: Method) -> None:
    packed = all_of(run(Fit, [method] * 4, [0, 1, 2, 3], STEPS, double=True, device=CUDA), 2)
    alone = all_of(run(Fit, [method], [2], STEPS, double=True, device=CUDA), 0)
    for name, tensor in packed.items():
        torch.testing.assert_close(tensor, alone[name], rtol=1e-4, atol=1e-4)


@pytest.mark.gpu
def test_on_an_accelerator_a_resumed_trial_equals_one_that_never_stopped(method: Method) -> None:
    whole = all_of(run(Fit, [method], [3], 12, double=True, device=CUDA), 0)
    start = run(Fit, [method], [3], 7, double=True, device=CUDA).checkpoint(0)
    resumed = all_of(run(Fit, [method], [3], 5, double=True, device=CUDA, resume=start), 0)
    for name, tensor in resumed.items():
        torch.testing.assert_close(tensor, whole[name], rtol=1e-6, atol=1e-6)


@pytest.mark.gpu
def test_an_accelerator_computes_what_a_cpu_does(method: Method) -> None:
    """The same start and order; only noise comes from another generator, which a first step's embedding knows not."""
    found = run(Fit, [method], [0], 0, device=CUDA).checkpoint(0)
    wanted = run(Fit, [method], [0], 0).checkpoint(0)
    assert same({**found.params, **found.state}, {**wanted.params, **wanted.state})
    inputs = data_for(method).inputs
    on_cpu = method.embed(wanted.params, wanted.state, inputs)
    moved = [{name: tensor.to(CUDA) for name, tensor in tensors.items()} for tensors in (found.params, found.state)]
    torch.testing.assert_close(method.embed(*moved, inputs.to(CUDA)).cpu(), on_cpu, rtol=1e-3, atol=1e-3)


def test_a_batch_that_cannot_be_filled_is_refused(method: Method) -> None:
    if method.objectives:
        with pytest.raises(StudyError, match="batch size 41 is larger than the 40 samples of the training set"):
            method.check(DataInfo(shape_for(method), SAMPLES, 3, SAMPLES + 1))
    else:
        method.check(DataInfo(shape_for(method), SAMPLES, 3, SAMPLES + 1))  # no batch is ever drawn
