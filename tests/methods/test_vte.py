"""VTE: losses by hand on constant encoders, and which tensors pretraining and training update."""

import math
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ablate.data_info import DataInfo
from ablate.errors import StudyError
from ablate.methods.method import Tensors, within
from ablate.methods.vte import (
    VTE,
    BarberAgakov,
    ConcatenatedInfoNCE,
    PredictiveTransformation,
    SeparatedInfoNCE,
    info_nce_loss,
)
from ablate.nets.functional import apply
from ablate.options import options_of
from ablate.train.checkpoint import load, save
from ablate.train.data import TrainingSet
from ablate.train.fit import Fit
from ablate.train.recipe import Recipe

LN2, LN3 = math.log(2), math.log(3)
SHAPE = (3, 16, 16)
SMALL: dict[str, Any] = {"width": 8, "latent_dim": 2, "hidden": 4}
INFO = DataInfo(SHAPE, 12, 2, 4)
DATA = TrainingSet(torch.rand(12, *SHAPE, generator=torch.Generator().manual_seed(0)), torch.zeros(12).long(), 1.0)
RECIPE = Recipe(epochs=2, batch_size=4)
CPU = torch.device("cpu")
VTE_METHODS = pytest.mark.parametrize("kind", [BarberAgakov, SeparatedInfoNCE, ConcatenatedInfoNCE])


def wired(method: Any) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tensors with which every code equals its noise e, and other affine maps return their first inputs."""
    params, state = method.init(INFO, torch.Generator())

    def wire(tensors: Tensors) -> dict[str, Tensor]:
        return {n: constant(n, t) if n.endswith(("weight", "bias")) else t for n, t in tensors.items()}

    return wire(params), wire(state)


def constant(name: str, tensor: Tensor) -> Tensor:
    wire = tensor.dim() == 2 and "encoder." not in name
    return torch.eye(*tensor.shape) if wire else torch.zeros_like(tensor)


def last(tensors: Tensors, part: str) -> str:
    """The name of the last bias of a part."""
    return [name for name in tensors if name.startswith(part) and name.endswith("bias")][-1]


def noise(ẑ: list[list[float]], z: list[list[float]], t: list[float] | None = None) -> dict[str, Tensor]:
    """The noise for which the codes are these, where means are 0 and variances 1."""
    target = torch.tensor([t or [0.0] * 8] * len(z))
    return {"view": torch.zeros(2, len(z), *SHAPE), "normal": torch.tensor([ẑ, z]), "target": target}


def shown(method: Any, params: Tensors, state: Tensors, drawn: Tensors) -> dict[str, float]:
    total, values, _ = method.loss(params, state, {}, drawn)
    assert values["loss"] is total
    return {name: value.item() for name, value in values.items()}


def test_the_transformation_is_predicted_with_unit_variance() -> None:
    """Predicted (1, 0, …) for t = (3, 1, 0, …) and for (1, 1, 1, 1, 0, …): ½ (4 + 1) and ½ 3, mean 2."""
    method = PredictiveTransformation(**SMALL)
    params, state = wired(method)
    params[last(params, "decoder.")] = torch.tensor([1.0, 0, 0, 0, 0, 0, 0, 0])
    drawn = noise([[0, 0], [0, 0]], [[1, 2], [3, 4]])
    drawn["target"] = torch.tensor([[3.0, 1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0]])
    assert shown(method, params, state, drawn) == {"loss": 2}


def test_the_code_is_predicted_with_unit_variance() -> None:
    """Codes z = (1, 2) + 2 (1, −1) = (3, 0) and (1, 2) + 2 (0, 1) = (1, 4); predicted (1, 1) and (0, 2).

    ½ (4 + 1) and ½ (1 + 4), mean 2.5.  σ = 2 is a log variance of ln 4.
    """
    method = BarberAgakov(**SMALL)
    params, state = wired(method)
    state[last(state, "first.")] = torch.tensor([1, 2, 2 * LN2, 2 * LN2])
    drawn = noise(ẑ=[[1, 1], [0, 2]], z=[[1, -1], [0, 1]])
    assert shown(method, params, state, drawn) == {"loss": pytest.approx(2.5)}


def test_info_nce_normalizes_over_columns() -> None:
    """Odds (3, 1) and (2, 1): the first row's first is 3/4, the second's second 1/3."""
    found = info_nce_loss(torch.tensor([[LN3, 0], [LN2, 0]]))
    assert found.item() == pytest.approx((math.log(4 / 3) + LN3) / 2)


def test_info_nce_of_three_pairs_by_hand() -> None:
    """1/6, 2/3 and 1/2 by rows; by columns the mean would be another."""
    scores = torch.tensor([[1.0, 2, 3], [1, 4, 1], [1, 1, 2]]).log()
    assert info_nce_loss(scores).item() == pytest.approx((math.log(6) + math.log(1.5) + LN2) / 3)


def test_the_separated_critic_normalizes_over_the_images_for_each_warp() -> None:
    """h(z) are unit vectors, so z₁ scores images by their first component, ln 3 and 0, z₂ by their second, ln 2 and 0.

    3/4 and 1/3; normalized over warps it would be 3/5 and 1/2.
    """
    method = SeparatedInfoNCE(**SMALL)
    loss = (math.log(4 / 3) + LN3) / 2
    values = shown(method, *wired(method), noise(ẑ=[[LN3, LN2], [0, 0]], z=[[1, 0], [0, 1]]))
    assert values == pytest.approx({"loss": loss, "information": LN2 - loss, "accuracy": 0.5})


def test_the_concatenated_critic_normalizes_over_the_images_for_each_warp() -> None:
    """f = ln 3 · max(0, z + 2 ẑ − 1) of first components z = 0, 1 and ẑ = 1, 0: ln 3 times (1, 0) and (2, 0).

    3/4 and 1/10; normalized over warps it would be 3/12 and 1/2.
    """
    method = ConcatenatedInfoNCE(**SMALL)
    params, state = wired(method)
    params["pair.0.weight"] = torch.tensor([[1.0, 0, 2, 0]])
    params["pair.0.bias"] = torch.tensor([-1.0])
    params[last(params, "critic.").replace("bias", "weight")] = torch.tensor([[LN3]])
    loss = (math.log(4 / 3) + math.log(10)) / 2
    values = shown(method, params, state, noise(ẑ=[[1, 0], [0, 0]], z=[[0, 0], [1, 0]]))
    assert values == pytest.approx({"loss": loss, "information": LN2 - loss, "accuracy": 0.5}, rel=1e-5)


@pytest.mark.parametrize("head", ["shallow", "deep"])
def test_the_concatenated_critic_equals_a_network_on_concatenated_codes(head: Any) -> None:
    method = ConcatenatedInfoNCE(**SMALL | {"latent_dim": 3, "hidden": 8}, head=head)
    generator = torch.Generator().manual_seed(0)
    params, state = method.init(INFO, generator)
    z, ẑ = torch.randn(2, 4, 3, generator=generator)
    network = method.structure(SHAPE)
    pairs = torch.stack([torch.cat([z[i], ẑ[j]]) for i in range(4) for j in range(4)])
    hidden = pairs @ params["pair.0.weight"].T + params["pair.0.bias"]
    critic = network.get_submodule("critic")
    expected, _ = apply(critic, within(params, "critic."), within(state, "critic."), hidden, training=True)
    found, _ = method.scores(network, params, state, z, ẑ)
    torch.testing.assert_close(found, expected.view(4, 4))


@pytest.mark.parametrize("kind", [SeparatedInfoNCE, ConcatenatedInfoNCE])
def test_the_bound_is_at_most_the_logarithm_of_the_batch(kind: Any) -> None:
    """Constant scores give 0 nats, certain and correct ones the logarithm of 4."""
    method = kind(**SMALL | {"latent_dim": 4})
    params, state = wired(method)
    one_hot = torch.eye(4).tolist()
    drawn = noise(one_hot, one_hot)
    constant_scores = {name: tensor if name.startswith("encoder.") else 0 * tensor for name, tensor in params.items()}
    assert shown(method, constant_scores, state, drawn)["information"] == pytest.approx(0, abs=1e-6)
    if kind is SeparatedInfoNCE:
        sharp = noise((100 * torch.eye(4)).tolist(), one_hot)
        assert shown(method, params, state, sharp)["information"] == pytest.approx(math.log(4))


def pretrained_encoder(seed: int = 0) -> dict[str, Tensor]:
    """The encoder after pretraining."""
    fit = Fit([PredictiveTransformation(**SMALL)], [RECIPE], [seed], DATA, CPU)
    for _ in fit.steps():
        pass
    return fit.encoder(0)


def fit_of(method: VTE, *resume: Any) -> Fit:
    first = () if method.pretraining() is None else (pretrained_encoder(),)
    return Fit([method], [RECIPE], [0], DATA, CPU, resume, first)


@VTE_METHODS
def test_training_starts_from_the_pretrained_encoder_and_does_not_change_it(kind: Any) -> None:
    first = pretrained_encoder()
    fit = Fit([kind(**SMALL)], [RECIPE], [0], DATA, CPU, pretrained=[first])
    start = fit.checkpoint(0)
    for _ in fit.steps():
        pass
    end = fit.checkpoint(0)
    for moment in (start, end):
        assert all(torch.equal(moment.state[f"first.{name}"], tensor) for name, tensor in first.items())
        assert not [name for name in moment.params if name.startswith("first.")]
    assert not [name for memory in end.optimizers for name in memory if name.startswith("first.")]
    assert all(not torch.equal(start.params[name], end.params[name]) for name in end.params if "weight" in name)
    assert not [name for name in fit.encoder(0) if name.startswith("first.")]


@VTE_METHODS
def test_gradients_reach_the_first_encoder_only_where_both_are_trained_at_once(kind: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    for two_phase in (True, False):
        method = kind(**SMALL, two_phase=two_phase)
        params, state = method.init(INFO, generator)
        learned = {name: tensor.requires_grad_() for name, tensor in params.items()}
        loss, _, after = method.loss(learned, state, {}, method.draw({"input": DATA.inputs[:4]}, generator))
        gradients = dict(zip(learned, torch.autograd.grad(loss, [*learned.values()]), strict=True))
        reached = {name for name, gradient in gradients.items() if "weight" in name and gradient.any()}
        assert reached == {name for name in params if "weight" in name}
        assert any(name.startswith("first.") for name in reached) != two_phase
        moved = [name for name in after if not torch.equal(after[name], state[name])]
        assert any(name.startswith("first.") for name in moved) != two_phase


@VTE_METHODS
def test_pretraining_has_the_options_that_both_methods_share(kind: Any) -> None:
    method = kind(**SMALL, network="alexnet", augmentation="none", fill=0.25, head="deep")
    first = method.pretraining()
    assert first is not None
    assert first.method == "predictive-transformation"
    assert first.settings == {**SMALL, "network": "alexnet", "augmentation": "none", "fill": 0.25}
    assert first.settings.keys() == {entry.name for entry in options_of(PredictiveTransformation)}
    assert kind(two_phase=False).pretraining() is None


def test_all_vte_methods_share_one_pretraining() -> None:
    phases = [kind(**SMALL).pretraining() for kind in (BarberAgakov, SeparatedInfoNCE, ConcatenatedInfoNCE)]
    assert phases[0] == phases[1] == phases[2]


def test_the_frozen_encoder_normalizes_by_running_statistics_unless_first_mode_is_train() -> None:
    generator = torch.Generator().manual_seed(0)
    method = BarberAgakov(**SMALL)
    params, state = method.init(INFO, generator)
    drawn = method.draw({"input": DATA.inputs[:4]}, generator)
    doubled = {n: 2 * t if n.startswith("first.") and "running" in n else t for n, t in state.items()}
    by_batch = replace(method, first_mode="train")
    assert method.loss(params, state, {}, drawn)[0] != method.loss(params, doubled, {}, drawn)[0]
    assert by_batch.loss(params, state, {}, drawn)[0] == by_batch.loss(params, doubled, {}, drawn)[0]
    after = by_batch.loss(params, state, {}, drawn)[2]
    assert all(torch.equal(after[name], state[name]) for name in state if name.startswith("first."))


def test_all_methods_draw_the_same_encoder_from_one_seed() -> None:
    kinds: list[Any] = [PredictiveTransformation, BarberAgakov, SeparatedInfoNCE, ConcatenatedInfoNCE]
    starts = [kind(**SMALL).init(INFO, torch.Generator().manual_seed(0))[0] for kind in kinds]
    names = [name for name in starts[0] if name.startswith("encoder.")]
    assert all(torch.equal(start[name], starts[0][name]) for start in starts for name in names)


@VTE_METHODS
@pytest.mark.parametrize("two_phase", [True, False])
def test_resuming_in_the_middle_of_an_epoch_changes_no_bit(kind: Any, two_phase: bool, tmp_path: Path) -> None:
    method = kind(**SMALL, two_phase=two_phase)
    whole, before = fit_of(method), fit_of(method)
    expected = [event for events in whole.steps() for event in events]
    started = [event for events in islice(before.steps(), 4) for event in events]
    save(tmp_path / "4.pt", before.checkpoint(0))
    after = fit_of(method, load(tmp_path / "4.pt"))
    assert [*started, *(event for events in after.steps() for event in events)] == expected
    ended, resumed = whole.checkpoint(0), after.checkpoint(0)
    assert all(torch.equal(tensor, resumed.params[name]) for name, tensor in ended.params.items())
    assert all(torch.equal(tensor, resumed.state[name]) for name, tensor in ended.state.items())


@pytest.mark.parametrize(
    ("method", "widths"),
    [
        (PredictiveTransformation(), {"encoder": [512, 1024], "decoder": [512, 2048, 1024, 8]}),
        (BarberAgakov(), {"encoder": [512, 1024], "decoder": [512, 2048, 512], "first": [512, 1024]}),
        (SeparatedInfoNCE(), {"image_critic": [512, 2048, 512], "warp_critic": [512, 2048, 512]}),
        (ConcatenatedInfoNCE(), {"pair": [1024, 512], "critic": [512, 1]}),
        (BarberAgakov(network="alexnet", head="deep"), {"encoder": [1024, 1024], "decoder": [512, 2048, 1024, 512]}),
        (ConcatenatedInfoNCE(head="deep"), {"pair": [1024, 2048], "critic": [2048, 1024, 1]}),
    ],
)
def test_affine_maps_have_the_sizes_of_the_papers_tables(method: Any, widths: dict[str, list[int]]) -> None:
    """Means and log variances, 512 of each, are one map's outputs."""
    for part, expected in widths.items():
        layers = [m for m in method.structure((3, 32, 32)).get_submodule(part).modules() if isinstance(m, nn.Linear)]
        assert [layers[0].in_features, *(layer.out_features for layer in layers)] == expected


def test_info_nce_refuses_batches_of_one() -> None:
    with pytest.raises(StudyError, match="batches of 1"):
        SeparatedInfoNCE(**SMALL).check(replace(INFO, batch_size=1))
