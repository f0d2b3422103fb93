"""What a serving process has to hold at least: the weights, the vectors and the token ids of its bundle."""

from collections.abc import Iterable

import torch

from index.bundle import Bundle
from model.laser import Laser

MIB = 2**20


def held_mib(bundle: Bundle, laser: Laser) -> float:
    """MiB of what `bundle` and its encoder `laser` consist of, each tensor counted once."""
    tokens = bundle.token_ids
    arrays = (bundle.vectors, bundle.text_vectors, tokens.flat, tokens.offsets)
    return (_weights(_modules(laser)) + sum(array.nbytes for array in arrays)) / MIB


def _modules(laser: Laser) -> Iterable[torch.nn.Module]:
    yield from (laser.backbone, laser.item_side, laser.user_side)
    for collaborative in (laser.collaborative, laser.fusion.collaborative):
        yield from collaborative.recommenders.values()


def _weights(modules: Iterable[torch.nn.Module]) -> int:
    """Bytes of all parameters and buffers."""
    tensors = {
        tensor.data_ptr(): tensor.numel() * tensor.element_size()
        for module in modules
        for tensor in (*module.parameters(), *module.buffers())
    }
    return sum(tensors.values())
