"""The untrained encoder."""

import torch

from ablate.data_info import DataInfo
from ablate.methods.simclr import SimCLR
from ablate.methods.untrained import Random

IMAGES = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
INFO = DataInfo((3, 8, 8), 10, 3, 4)


def test_it_equals_the_start_of_training() -> None:
    """Because seeds are paired across methods."""
    random, trained = Random(network="resnet18", width=2), SimCLR(network="resnet18", width=2)
    params, state = random.init(INFO, torch.Generator().manual_seed(0))
    start, begun = trained.init(INFO, torch.Generator().manual_seed(0))
    assert all(torch.equal(tensor, start[name]) for name, tensor in params.items())
    assert state.keys() <= begun.keys()
    assert not random.objectives


def test_the_embedding_of_an_image_does_not_depend_on_the_others() -> None:
    method = Random(network="resnet18", width=2)
    params, state = method.init(INFO, torch.Generator().manual_seed(0))
    features = method.embed(params, state, IMAGES)
    assert features.shape == (4, 16)
    torch.testing.assert_close(features[:1], method.embed(params, state, IMAGES[:1]))
    assert features.std(0).max() > 0.1
