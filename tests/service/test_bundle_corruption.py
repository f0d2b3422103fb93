"""Each file of a bundle, with a bit flipped and cut short: refused every time, at start and when promoted."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.bundle import publish
from service.errors import ApiError, Code
from service.loading import StartupError, load_recommender
from service.metrics import Metrics
from service.promotion import Promotions
from service.serving import Serving
from service.settings import Settings
from tests.service.bundle_world import add_bundle

PLACES = (0.0, 0.3, 0.7, 1.0)  # in a file


def damaged(whole: bytes) -> Iterator[bytes]:
    """The content with a bit flipped here and there, and cut short."""
    for place in PLACES:
        position = round(place * (len(whole) - 1))
        flipped = bytearray(whole)
        flipped[position] ^= 1 << (position % 8)
        yield bytes(flipped)
    for length in sorted({0, len(whole) // 2, len(whole) - 1}):
        yield whole[:length]


def test_no_damage_to_any_file_gets_into_service(bundles: Path, settings: Settings, tmp_path: Path) -> None:
    root = tmp_path / "bundles"
    shutil.copytree(bundles, root)
    add_bundle(root, "second")
    chosen = settings.model_copy(update={"bundles": root})
    serving = Serving(load_recommender(chosen, Metrics()))
    files = sorted(path for path in (root / "second").rglob("*") if path.is_file())
    assert {path.relative_to(root / "second").as_posix() for path in files} >= {
        *(
            "manifest.json",
            "catalogue.parquet",
            "columns.json",
            "items.safetensors",
            "neighbours.safetensors",
        ),
        *("checkpoint/config.json", "checkpoint/weights.safetensors", "checkpoint/vocabulary.json"),
    }

    async def promote() -> Code:
        promotions = Promotions(serving, chosen)
        async with promotions.running():
            with pytest.raises(ApiError) as refusal:
                await promotions.promote("second")
        return refusal.value.errors[0].code

    tried = 0
    for path in files:
        whole = path.read_bytes()
        for content in damaged(whole):
            path.write_bytes(content)
            assert asyncio.run(promote()) is Code.BUNDLE_REFUSED, path
            with pytest.raises(StartupError, match=path.name):
                load_recommender(chosen, Metrics(), "second")
            tried += 1
        path.write_bytes(whole)
    assert tried == 7 * len(files)
    assert serving.bundle_id == "first"
    assert (root / "current").read_text() == "first\n"
    serving._current.recommender.warm_up()  # the old one goes on
    serving.close()
    publish(root, "second")
    load_recommender(chosen, Metrics()).close()  # whole again, it is taken
