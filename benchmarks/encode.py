"""Encoding users: how near the machine's limit, and against sentence-transformers on the same texts and weights.

    laser bench encode [--data FOLDER] [--users N] [--seconds S]

Ours is the whole of `encode_users`: prompt, collaborative states, M-Former, backbone, read-out. Useful FLOP/s count the
backbone's matrix products over real tokens alone, so whatever else takes time, padding too, lowers the share. The
peer encodes the text of the same prompts and starts from text, which is how it is used.
"""

import statistics
import sys
from collections.abc import Sequence

import torch

from benchmarks._command import data_parser, report
from benchmarks._outcome import Check
from benchmarks._timing import Seconds, alternate, times_faster
from benchmarks.speed_bench.flops import matrix_product, rate, useful_flops
from benchmarks.speed_bench.peer import Peer
from benchmarks.speed_bench.world import build, data_folder

PEER = "sentence-transformers"
PRODUCT = "matrix product"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, publish. Returns 0."""
    parser = data_parser("encode", __doc__)
    parser.add_argument("--users", type=int, default=256, help="different users, encoded at once")
    parser.add_argument("--seconds", type=float, default=150, help="how long to measure")
    given = parser.parse_args(arguments)
    world = build(data_folder(given.data), given.seed)
    histories = world.histories(given.users, given.seed)
    prompts = [world.laser.text.prompts.prompt(history.token_ids) for history in histories]
    texts = [world.laser.backbone.tokenizer.decode(prompt, skip_special_tokens=True) for prompt in prompts]
    products: list[float] = []
    with Peer(texts) as peer:
        taken = alternate(
            {
                "laser": lambda: world.laser.encode_users(histories),
                PEER: peer.encode,
                PRODUCT: lambda: products.append(matrix_product(torch.bfloat16)),
            },
            given.seconds,
        )
    virtual = world.laser.config.m_former.prefix_tokens + 1
    lengths = [len(prompt) + virtual for prompt in prompts]
    flops = useful_flops(world.laser.backbone, lengths)
    measured = {**taken, PRODUCT: products[1:]}  # the first warmed up
    checks, rows = figures(measured, flops, len(prompts), sum(lengths), peer.tokens)
    data = {world.dataset.info.name: world.dataset.data_hash}
    report("encode", given, ("users", "seconds"), data, checks, rows)
    return 0


def figures(
    taken: Seconds, flops: float, prompts: int, tokens: int, their_tokens: int
) -> tuple[list[Check], list[dict[str, object]]]:
    """The checks and the rows of rounds in which all were encoded, by us and by the peer, with the same prompts."""
    shares = [
        flops / ours / rate([product]) for ours, product in zip(taken["laser"], taken[PRODUCT], strict=True)
    ]
    faster = times_faster(taken, "laser", PEER)
    checks = [
        Check("share_of_bf16_rate", statistics.median(shares), "share", ">=", 0.60),
        Check("tokens_per_s_over_peer", faster * tokens / their_tokens, "x", ">=", 2.0),
        Check("prompts_per_s_over_peer", faster, "x", ">=", 1.6),
    ]
    rows: list[dict[str, object]] = [{"key": PRODUCT, "gflops": round(rate(taken[PRODUCT]) / 1e9, 1)}]
    for name, read in (("laser", tokens), (PEER, their_tokens)):
        seconds = statistics.median(taken[name])
        rows.append({"key": name, "prompts": prompts, "tokens": read, "seconds": round(seconds, 4)})
        rows[-1] |= {"prompts_per_s": round(prompts / seconds, 1), "tokens_per_s": round(read / seconds)}
    return checks, rows


if __name__ == "__main__":
    sys.exit(main())
