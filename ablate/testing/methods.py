"""The contract of methods as a pytest suite: a test class inherits it and names its method.

    class TestMine(MethodContract):
        method = Mine

Tests use the options `small` and inputs of the shape `small_shape` of the method's class, and need torch and pytest
only.  For detailed messages of failed assertions, call `pytest.register_assert_rewrite("ablate.testing")` in a
conftest.py.
"""

import dataclasses
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from ablate.errors import StudyError
from ablate.methods.method import Method
from ablate.nets.precision import Precision
from ablate.options import build, options_of
from ablate.testing.method_steps import (
    BATCH,
    CPU,
    CUDA,
    RECIPE,
    SAMPLES,
    STEPS,
    StackedFit,
    data_for,
    exported,
    info_for,
    loss_arguments,
    losses,
    pretrained,
    rounding_bounds,
    run,
    same,
    tensors_of,
)
from ablate.train import cuda_graph
from ablate.train.checkpoint import load, save
from ablate.train.fit import Fit
from ablate.train.pack import float_settings
from ablate.train.recipe import Recipe

UNIT_ROUNDOFF = {"tf32": 2.0**-11, "bfloat16": 2.0**-8}


class MethodContract:
    """What every method promises."""

    method: ClassVar[type[Method]]

    @pytest.fixture(autouse=True)
    def skip_without_accelerator(self, request: pytest.FixtureRequest) -> None:
        """Skip tests marked `gpu` where there is no accelerator."""
        if request.node.get_closest_marker("gpu") is not None and not torch.cuda.is_available():
            pytest.skip("there is no accelerator")

    @pytest.fixture
    def small(self) -> Method:
        """The method with its small options."""
        return self.method(**self.method.small)

    def test_the_source_and_every_option_are_described(self, small: Method) -> None:
        assert small.source
        assert all(option.description for option in options_of(type(small)))

    def test_options_by_data_set_exist(self, small: Method) -> None:
        template: Any = small
        for settings in small.datasets.values():
            dataclasses.replace(template, **settings)

    def test_training_options_by_data_set_exist(self, small: Method) -> None:
        for settings in (small.recipe, *small.recipes.values()):
            build(Recipe, settings)

    def test_no_class_of_a_method_derives_from_another_method(self, small: Method) -> None:
        """Concrete classes are final: the bases of this one cannot be created."""
        bases = [base for base in type(small).__mro__[1:] if issubclass(base, Method)]
        assert [base.__name__ for base in bases if not getattr(base, "__abstractmethods__", ())] == []

    def test_the_global_generator_is_neither_used_nor_changed(self, small: Method) -> None:
        torch.manual_seed(1)
        before = torch.get_rng_state()
        first = loss_arguments(small)
        values = [loss for loss, _, _ in losses(small, first)]
        assert torch.equal(before, torch.get_rng_state())
        torch.manual_seed(2)
        second = loss_arguments(small)
        assert all(same(*pair) for pair in zip(first, second, strict=True))
        assert values == [loss for loss, _, _ in losses(small, second)]

    def test_no_argument_is_changed_in_place(self, small: Method) -> None:
        arguments = loss_arguments(small)
        before = [{name: tensor.clone() for name, tensor in tensors.items()} for tensors in arguments]
        losses(small, arguments)
        small.embed(arguments[0], arguments[1], arguments[2]["input"])
        assert all(same(*pair) for pair in zip(arguments, before, strict=True))

    def test_the_new_state_has_the_names_and_shapes_of_the_old(self, small: Method) -> None:
        arguments = loss_arguments(small)
        for _, shown, after in losses(small, arguments):
            assert {name: t.shape for name, t in after.items()} == {name: t.shape for name, t in arguments[1].items()}
            assert "loss" in shown
            assert all(value.shape == () for value in shown.values())

    def test_training_logs_the_declared_values(self, small: Method) -> None:
        """`check` refuses a study whose metric is another `train/` value."""
        shown = [names for _, names, _ in losses(small, loss_arguments(small))]
        several = len(small.objectives) > 1
        prefixes = [f"{objective.loss}/" if several else "" for objective in small.objectives]
        found = [f"{prefix}{name}" for prefix, names in zip(prefixes, shown, strict=True) for name in names]
        assert set(found) == set(small.logged if small.objectives else ())

    def test_gradients_are_finite_and_reach_every_weight(self, small: Method) -> None:
        arguments = loss_arguments(small)
        for objective in small.objectives:
            learned = {n: t.clone().requires_grad_() for n, t in arguments[0].items() if n.startswith(objective.learns)}
            loss = getattr(small, objective.loss)({**arguments[0], **learned}, *arguments[1:])[0]
            gradients = dict(zip(learned, torch.autograd.grad(loss, [*learned.values()]), strict=True))
            assert all(gradient.isfinite().all() for gradient in gradients.values())
            assert [name for name, gradient in gradients.items() if "weight" in name and not gradient.any()] == []

    def test_embedding_is_deterministic_and_needs_only_exported_tensors(self, small: Method) -> None:
        params, state, batch, _ = loss_arguments(small)
        encoder = exported(small, params, state)
        features = small.embed(params, state, batch["input"])
        assert features.shape[0] == BATCH
        assert features.dim() == 2
        assert torch.equal(features, small.embed(encoder, encoder, batch["input"]))
        torch.testing.assert_close(features[:2], small.embed(encoder, encoder, batch["input"][:2]))

    def test_a_batch_larger_than_the_training_set_is_refused(self, small: Method) -> None:
        if small.objectives:
            with pytest.raises(StudyError, match="batch size 41 is larger than the 40 samples of the training set"):
                small.check(info_for(small, SAMPLES + 1))
        else:
            small.check(info_for(small, SAMPLES + 1))  # no batch is ever drawn

    @pytest.mark.parametrize("kind", [Fit, StackedFit])
    def test_the_next_state_is_what_the_loss_returned(self, small: Method, kind: type[Fit]) -> None:
        """Also where the loss returns a parameter, which the optimizer then changes in place."""
        if len(small.objectives) != 1 or small.cannot_pack:
            pytest.skip("it has several objectives or none, or cannot be packed")
        fit = run(kind, [small], [3], 2, double=True)
        before = fit.checkpoint(0)
        noise = torch.Generator()
        noise.set_state(before.noise)
        batch = {**fit.data.batch(fit.indices()[0]), "progress": torch.tensor(fit.step / fit.total)}
        loss = getattr(small, small.objectives[0].loss)
        _, _, returned = loss(before.params, before.state, batch, small.draw(batch, noise))
        next(fit.steps())
        for name, tensor in fit.checkpoint(0).state.items():
            torch.testing.assert_close(tensor, returned[name], rtol=1e-6, atol=1e-6)

    def test_a_resumed_trial_equals_an_uninterrupted_one(self, small: Method, tmp_path: Path) -> None:
        """From a file, in the middle of an epoch: parameters, optimizer, state and noise."""
        if not small.objectives:
            pytest.skip("it is fitted, not trained")
        whole = run(Fit, [small], [3], 9)
        save(tmp_path / "checkpoint", run(Fit, [small], [3], 7).checkpoint(0))
        first = [pretrained(small)] if small.pretraining() else []
        resumed = Fit([small], [RECIPE], [3], data_for(small), CPU, [load(tmp_path / "checkpoint")], first)
        for _ in islice(resumed.steps(), 2):
            pass
        assert same(tensors_of(resumed, 0), tensors_of(whole, 0))
        optimizers = [fit.checkpoint(0).optimizers for fit in (resumed, whole)]
        for one, other in zip(*optimizers, strict=True):
            assert all(same(one[name], other[name]) for name in one | other)

    @pytest.mark.slow
    def test_packed_trials_equal_single_ones(self, small: Method) -> None:
        """Bitwise on a CPU, where the members of a pack step one after the other."""
        packed = run(Fit, [small] * 4, [0, 1, 2, 3], STEPS)
        for member in (0, 2):
            assert same(tensors_of(packed, member), tensors_of(run(Fit, [small], [member], STEPS), 0))
        assert not small.objectives or not same(tensors_of(packed, 0), tensors_of(packed, 2))

    @pytest.mark.slow
    def test_stacked_trials_equal_single_ones(self, small: Method) -> None:
        """In double precision, because stacked kernels round differently."""
        skip_unless_packed(small)
        stacked = run(StackedFit, [small] * 4, [0, 1, 2, 3], STEPS, double=True)
        for kind in (Fit, StackedFit):
            single = tensors_of(run(kind, [small], [2], STEPS, double=True), 0)
            for name, tensor in tensors_of(stacked, 2).items():
                torch.testing.assert_close(tensor, single[name], rtol=1e-4, atol=1e-4)

    def test_the_first_stacked_step_logs_what_a_single_one_logs(self, small: Method) -> None:
        skip_unless_packed(small)
        stacked = run(StackedFit, [small] * 3, [0, 1, 2], 1)
        for member in range(3):
            single = run(Fit, [small], [member], 1)
            for name, values in stacked.sums.items():
                torch.testing.assert_close(values[member], single.sums[name][0], rtol=1e-4, atol=1e-4)

    def test_every_float_option_may_differ_within_a_stack(self, small: Method) -> None:
        skip_unless_packed(small)
        template: Any = small
        others = [dataclasses.replace(template, **{n: getattr(small, n) / 2}) for n in float_settings(small)]
        members = [small, *others]
        stacked = run(StackedFit, members, [0] * len(members), 2)
        for member, variant in enumerate(members):
            single = run(Fit, [variant], [0], 2)
            for name, values in stacked.sums.items():
                torch.testing.assert_close(values[member], single.sums[name][0], rtol=2e-3, atol=2e-3)

    @pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
    def test_a_step_in_lower_precision_is_within_its_rounding_errors(self, small: Method, precision: Precision) -> None:
        """The losses are as near to those in float32 as random errors of the unit roundoff in a network let expect."""
        recipe = dataclasses.replace(RECIPE, precision=precision)
        exact = run(Fit, [small], [0], 1)
        bounds = rounding_bounds(small, exact, UNIT_ROUNDOFF[precision]) if small.objectives else {}
        for kind in (Fit, StackedFit) if small.objectives and small.stacks else (Fit,):
            rounded = run(kind, [small], [0], 1, recipe=recipe)
            for name, bound in bounds.items():
                torch.testing.assert_close(rounded.sums[name], exact.sums[name], rtol=0, atol=bound)
            assert all(tensor.dtype != torch.bfloat16 for tensor in tensors_of(rounded, 0).values())

    @pytest.mark.gpu
    @pytest.mark.parametrize("count", [1, 3])
    def test_recorded_steps_equal_those_launched_kernel_by_kernel(
        self, small: Method, count: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        members = [small] * count, [*range(count)]
        recorded = tensors_of(run(Fit, *members, 12, double=True, device=CUDA), count - 1)
        monkeypatch.setattr(cuda_graph, "WARM_UP_STEPS", 12)
        launched = tensors_of(run(Fit, *members, 12, double=True, device=CUDA), count - 1)
        for name, tensor in launched.items():
            torch.testing.assert_close(recorded[name], tensor, rtol=1e-6, atol=1e-6)

    @pytest.mark.gpu
    def test_packed_trials_equal_single_ones_on_an_accelerator(self, small: Method) -> None:
        packed = tensors_of(run(Fit, [small] * 4, [0, 1, 2, 3], STEPS, double=True, device=CUDA), 2)
        single = tensors_of(run(Fit, [small], [2], STEPS, double=True, device=CUDA), 0)
        for name, tensor in packed.items():
            torch.testing.assert_close(tensor, single[name], rtol=1e-4, atol=1e-4)

    @pytest.mark.gpu
    def test_a_resumed_trial_equals_an_uninterrupted_one_on_an_accelerator(self, small: Method) -> None:
        whole = tensors_of(run(Fit, [small], [3], 12, double=True, device=CUDA), 0)
        middle = run(Fit, [small], [3], 7, double=True, device=CUDA).checkpoint(0)
        resumed = tensors_of(run(Fit, [small], [3], 5, double=True, device=CUDA, resume=middle), 0)
        for name, tensor in resumed.items():
            torch.testing.assert_close(tensor, whole[name], rtol=1e-6, atol=1e-6)

    @pytest.mark.gpu
    def test_an_accelerator_embeds_as_a_cpu_does(self, small: Method) -> None:
        """From the same start, which is drawn on the CPU."""
        found = run(Fit, [small], [0], 0, device=CUDA).checkpoint(0)
        wanted = run(Fit, [small], [0], 0).checkpoint(0)
        assert same({**found.params, **found.state}, {**wanted.params, **wanted.state})
        inputs = data_for(small).inputs
        on_cpu = small.embed(wanted.params, wanted.state, inputs)
        params, state = ({n: t.to(CUDA) for n, t in tensors.items()} for tensors in (found.params, found.state))
        torch.testing.assert_close(small.embed(params, state, inputs.to(CUDA)).cpu(), on_cpu, rtol=1e-3, atol=1e-3)


def skip_unless_packed(method: Method) -> None:
    """Skip the test of a method whose trials cannot train in one stack."""
    if method.cannot_pack:
        pytest.skip(method.cannot_pack)
