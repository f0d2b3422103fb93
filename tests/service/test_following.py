"""The pointer followed: what others publish is taken into service, what is damaged is not, and the old one goes on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from index.bundle import publish
from service.following import Follower
from service.loading import load_recommender
from service.metrics import Metrics
from service.promotion import Promotions
from service.serving import Serving
from service.settings import Settings
from tests.service.world import running, wait_until

Scene = Callable[[Serving, Follower], Awaitable[None]]


@pytest.fixture
def play(root: Path, settings: Settings) -> Iterator[Callable[[Scene], None]]:
    """Run a scene with a follower that looks when it is told to."""
    chosen = settings.model_copy(update={"bundles": root})
    serving = Serving(load_recommender(chosen, Metrics()))

    def run(scene: Scene) -> None:
        async def act() -> None:
            promotions = Promotions(serving, chosen)
            async with promotions.running():
                await scene(serving, Follower(serving, promotions, chosen))

        asyncio.run(act())

    yield run
    serving.close()


def value(serving: Serving, name: str, **labels: str) -> float:
    return serving.metrics.registry.get_sample_value(name, labels) or 0.0


def test_what_a_command_publishes_is_soon_in_service(root: Path, settings: Settings, tmp_path: Path) -> None:
    chosen = settings.model_copy(
        update={"bundles": root, "state": tmp_path / "state.sqlite", "follow_seconds": 0.02}
    )
    with running(chosen, load_recommender(chosen, Metrics())) as server:
        assert server.client.get("/admin/bundles").json()["following"] is True
        for bundle_id in ("second", "first", "second"):
            publish(root, bundle_id)
            wait_until(lambda name=bundle_id: server.client.get("/readyz").json()["bundle"] == name, 30)
        answer = server.post(history=[{"item_id": "i1"}], k=2).json()
        assert all(item["title"].endswith("@second") for item in answer["items"])
    metrics = server.recommender.metrics.registry
    assert metrics.get_sample_value("laser_bundle_swaps_total", {"how": "pointer"}) == 3


def test_a_pointer_that_stays_is_not_read_again(
    play: Callable[[Scene], None], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(serving: Serving, follower: Follower) -> None:
        await follower.look()
        read: list[Path] = []
        monkeypatch.setattr("service.promotion.current_id", read.append)
        await follower.look()
        await follower.look()
        assert not read
        publish(root, "second")
        await follower.look()
        assert read == [root]

    play(scene)


@pytest.mark.parametrize("content", [b"\xff\n", b"", b"../second\n", b"gone\n"])
def test_a_damaged_pointer_leaves_the_old_one_until_it_is_right_again(
    content: bytes, play: Callable[[Scene], None], root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(serving: Serving, follower: Follower) -> None:
        (root / "current").write_bytes(content)
        await follower.look()
        assert (serving.bundle_id, value(serving, "laser_bundle_behind")) == ("first", 1)
        await follower.look()
        publish(root, "second")
        await follower.look()
        assert (serving.bundle_id, value(serving, "laser_bundle_behind")) == ("second", 0)

    with caplog.at_level(logging.INFO, logger="laser"):
        play(scene)
    refusals = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(refusals) == 1, "said once, not at every look"


def test_a_refused_bundle_is_tried_again_after_a_while(
    play: Callable[[Scene], None], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(serving: Serving, follower: Follower) -> None:
        publish(root, "second")
        path = root / "second" / "columns.json"
        whole = path.read_bytes()
        path.write_bytes(b"{}")
        await follower.look()
        assert (serving.bundle_id, value(serving, "laser_bundle_behind")) == ("first", 1)
        assert value(serving, "laser_bundle_refusals_total", how="pointer") == 1
        path.write_bytes(whole)
        await follower.look()
        assert serving.bundle_id == "first", "not yet"
        follower._again = 0.0
        await follower.look()
        assert (serving.bundle_id, value(serving, "laser_bundle_behind")) == ("second", 0)

    play(scene)


def test_a_pointer_that_goes_away_changes_nothing(play: Callable[[Scene], None], root: Path) -> None:
    async def scene(serving: Serving, follower: Follower) -> None:
        await follower.look()
        (root / "current").unlink()
        await follower.look()
        assert (serving.bundle_id, value(serving, "laser_bundle_behind")) == ("first", 0)

    play(scene)


def test_the_way_back_from_a_refused_bundle_needs_no_load(play: Callable[[Scene], None], root: Path) -> None:
    """ "second" is published and refused; a rollback leads to what answers all the time."""

    async def scene(serving: Serving, follower: Follower) -> None:
        publish(root, "second")
        (root / "second" / "columns.json").write_bytes(b"{}")
        await follower.look()
        done = await follower._promotions.roll_back()
        assert (done.bundle, done.before) == ("first", "first")
        await follower.look()
        assert (serving.bundle_id, value(serving, "laser_bundle_behind")) == ("first", 0)

    play(scene)


@pytest.mark.parametrize("changes", [{"follow_seconds": 0.0}, {"bundle": "first"}])
def test_following_can_be_switched_off_and_is_off_for_a_named_bundle(
    changes: dict[str, object], root: Path, settings: Settings
) -> None:
    chosen = settings.model_copy(update={"bundles": root} | changes)
    serving = Serving(load_recommender(chosen, Metrics()))
    publish(root, "second")

    async def nothing_follows() -> bool:
        follower = Follower(serving, Promotions(serving, chosen), chosen)
        async with follower.running():
            return len(asyncio.all_tasks()) == 1 and not follower.follows

    assert asyncio.run(nothing_follows())
    assert serving.bundle_id == "first"
    serving.close()
