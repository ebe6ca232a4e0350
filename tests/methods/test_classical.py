"""PCA and NMF: the embedding of new points, by hand and compared with scikit-learn."""

from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from ablate.data_info import DataInfo
from ablate.errors import StudyError, TrialError
from ablate.methods.classical import NMF, PCA, Classical, nonnegative_weights
from ablate.methods.method import Tensors

DIGITS = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
SEEN, NEW = DIGITS[:300], DIGITS[300:400]


def solved(method: Classical, inputs: Tensor, seed: int = 0) -> Tensors:
    params, state = method.solve(inputs, torch.Generator().manual_seed(seed))
    assert state == {}
    return params


def test_pca_embeds_new_images_as_sklearn_does() -> None:
    from sklearn.decomposition import PCA as Fitted

    params = solved(PCA(), SEEN)
    expected = Fitted(10).fit(SEEN.flatten(1).double()).transform(NEW.flatten(1).double())
    torch.testing.assert_close(PCA().embed(params, {}, NEW).double(), torch.tensor(expected), atol=1e-4, rtol=0)


def test_pca_of_points_on_a_line_by_hand() -> None:
    """(1, 1) + t (3, 4) / 5 for t = -2, 0, 2: the mean is (1, 1), the feature t but for its sign."""
    points = torch.tensor([[-0.2, -0.6], [1.0, 1.0], [2.2, 2.6]])
    features = PCA(latent_dim=1).embed(solved(PCA(latent_dim=1), points), {}, torch.tensor([[1.6, 1.8], [1.0, 1.0]]))
    assert features.abs().flatten().tolist() == pytest.approx([1, 0], abs=1e-6)


def test_the_reconstruction_error_of_pca_is_the_remaining_variance() -> None:
    """The mean squared error is the sum of the eigenvalues that are left out."""
    params = solved(PCA(latent_dim=7), SEEN)
    restored = PCA(latent_dim=7).embed(params, {}, SEEN) @ params["encoder.components"] + params["encoder.mean"]
    error = (restored - SEEN.flatten(1)).square().sum(1).mean()
    variances = torch.linalg.eigvalsh(torch.cov(SEEN.flatten(1).double().T, correction=0))
    assert error.item() == pytest.approx(variances[:-7].sum().item(), rel=1e-4)


def test_nmf_embeds_new_images_as_sklearn_does_when_it_has_converged() -> None:
    from sklearn.decomposition import NMF as Fitted

    method = NMF(tolerance=0.01)
    params = solved(method, SEEN)
    model = Fitted(10, init="nndsvd", tol=0.01, max_iter=200, random_state=0).fit(SEEN.flatten(1).double().numpy())
    torch.testing.assert_close(
        params["encoder.components"], torch.tensor(model.components_, dtype=torch.float32), atol=0.01, rtol=0.01
    )
    model.components_ = params["encoder.components"].double().numpy()
    model.set_params(tol=1e-8, max_iter=5000)
    expected = torch.tensor(model.transform(NEW.flatten(1).double().numpy()))
    torch.testing.assert_close(method.embed(params, {}, NEW).double(), expected, atol=1e-4, rtol=0)


def test_nonnegative_weights_by_hand() -> None:
    """With (1, 0) and (1, 1): (3, 2) = 1 (1, 0) + 2 (1, 1); (1, 3) is nearest to 2 (1, 1); (1, -1) to (1, 0)."""
    components = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    weights = nonnegative_weights(torch.tensor([[3.0, 2.0], [1.0, 3.0], [1.0, -1.0]]), components, 100)
    torch.testing.assert_close(weights, torch.tensor([[1.0, 2.0], [0.0, 2.0], [1.0, 0.0]]))


def test_a_zero_component_has_weight_zero() -> None:
    weights = nonnegative_weights(torch.tensor([[2.0, 4.0]]), torch.tensor([[0.0, 0.0], [1.0, 2.0]]), 5)
    assert weights.tolist() == [[0, 2]]


def test_nmf_finds_the_factors_that_made_the_data() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(50, 3, generator=generator) @ torch.rand(3, 8, generator=generator)
    method = NMF(latent_dim=3, iterations=2000, tolerance=1e-7)
    params = solved(method, inputs)
    features = method.embed(params, {}, inputs)
    assert features.min() >= 0
    torch.testing.assert_close(features @ params["encoder.components"], inputs, atol=5e-3, rtol=0)


@pytest.mark.parametrize("method", [PCA(latent_dim=3), NMF(latent_dim=3, start="random", tolerance=0.01)])
def test_fits_of_one_seed_are_equal(method: Classical) -> None:
    first, again = solved(method, SEEN, seed=3), solved(method, SEEN, seed=3)
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_fits_of_nmf_with_other_seeds_differ() -> None:
    method = NMF(latent_dim=3, start="random", tolerance=0.01)
    first, other = solved(method, SEEN, seed=3), solved(method, SEEN, seed=4)
    assert not torch.allclose(first["encoder.components"], other["encoder.components"])


def test_nmf_refuses_negative_data() -> None:
    sentence = (
        "NMF needs inputs that are nowhere negative, the smallest here is -0.5; "
        "use method 'pca', or data without negative values"
    )
    with pytest.raises(TrialError) as refused:
        solved(NMF(latent_dim=1), torch.tensor([[1.0, -0.5], [0.0, 2.0]]))
    assert str(refused.value) == sentence


@pytest.mark.parametrize("method", [PCA, NMF])
def test_more_directions_than_the_data_have_are_refused(method: Any) -> None:
    method(latent_dim=6).check(DataInfo((2, 1, 3), 6, 2, 256))
    with pytest.raises(StudyError) as refused:
        method(latent_dim=7).check(DataInfo((2, 1, 3), 1000, 2, 256))
    assert str(refused.value) == (
        "latent_dim 7 is more than the 6 dimensions of the data; use method.latent_dim of at most 6"
    )
    with pytest.raises(StudyError, match="latent_dim 10 is more than the 9 samples of the data"):
        method().check(DataInfo((64,), 9, 2, 256))


def test_methods_in_closed_form_have_no_init() -> None:
    with pytest.raises(AssertionError, match="nothing to draw"):
        PCA().init(DataInfo((3,), 10, 2, 5), torch.Generator())
