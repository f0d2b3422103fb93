"""Every call of both clients against the real service."""

from collections.abc import Callable

import pytest

from laser_client import (
    BadRequest,
    Condition,
    Conflict,
    ConstraintPart,
    DeadlineExceeded,
    Diversity,
    Event,
    Exclude,
    Filter,
    HistoryItem,
    NewItem,
    NoAnswer,
    NotFound,
    RecommendRequest,
    Retry,
)
from tests.client.asking import Ask
from tests.service.world import Running

HISTORY = ("i3", "i7")


def test_a_recommendation_with_everything_that_can_be_said(ask: Ask) -> None:
    cheap = Filter(
        must=[Condition(key="price", gte=3, lte=30), Filter(should=[Condition(key="brand", eq="Bolt")])]
    )
    answer = ask(
        "recommend",
        RecommendRequest(
            history=["i3", HistoryItem(title="a new thing", attributes={"brand": "Orion"})],
            constraint="nothing from Stanley, under 20",
            constraint_parts=[ConstraintPart(words="under 20", treat="off")],
            filter=cheap,
            exclude=Exclude(item_ids=["i6"]),
            diversity=Diversity(mmr=0.5),
            k=3,
            explain=True,
        ),
    )
    assert [item.rank for item in answer.items] == [1, 2, 3]
    assert {item.attributes["brand"] for item in answer.items} == {"Bolt"}
    assert "i6" not in {item.item_id for item in answer.items}
    assert answer.items[0].parts is not None
    assert answer.items[0].sentence is not None
    assert [part.attribute for part in answer.applied.constraint.understood] == ["brand"]
    assert answer.applied.diversity.mmr == 0.5
    assert answer.applied.filter["must"][0] == {"key": "price", "gte": 3.0, "lte": 30.0}
    assert (answer.versions.bundle, answer.shortfall, answer.degraded) == ("first", None, ())


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        (Condition(key="brand", in_=["Acme", "Bolt"]), {"Acme", "Bolt"}),
        (Condition(key="price", gt=1.5, lt=4.5), {"Bolt", "Acme"}),  # i2, and the shelf at 2
        (Condition(key="price", exists=False), {"Stanley", "Orion"}),  # i9, i19, i29, i39
    ],
)
def test_conditions_mean_what_the_service_means(ask: Ask, condition: Condition, left: set[str]) -> None:
    answer = ask("recommend", RecommendRequest(constraint="a thing", filter=Filter(must=[condition]), k=50))
    assert {item.attributes["brand"] for item in answer.items} == left


def test_pages_show_everything_once(ask: Ask) -> None:
    request = RecommendRequest(history=HISTORY, filter=Filter(must=[Condition(key="brand", eq="Acme")]), k=4)
    pages = ask("pages", request)
    ids = [item.item_id for page in pages for item in page.items]
    assert [len(page.items) for page in pages] == [4, 4, 3]
    assert set(ids) == {*(f"i{n}" for n in range(0, 40, 4)), "shelf/7 b"}
    assert pages[-1].cursor is None


def test_in_a_batch_a_wrong_request_fails_alone(ask: Ask) -> None:
    right, wrong = RecommendRequest(history=HISTORY, k=2), RecommendRequest(history=HISTORY, k=500)
    first, second = ask("recommend_batch", [right, wrong]).answers
    assert (first.status, len(first.answer.items), first.problem) == (200, 2, None)
    assert (second.status, second.answer, second.problem.code, second.problem.field) == (
        422,
        None,
        "limit_exceeded",
        "k",
    )


def test_looking_around(ask: Ask) -> None:
    assert ask("item", "shelf/7 b").title == "an id with a slash"
    assert [item.item_id for item in ask("similar", "shelf/7 b", k=2).items] != ["shelf/7 b"]
    assert ask("search", "slash").items[0].matched == "title"
    profile = ask("catalogue")
    assert {column.name for column in profile.columns} == {"brand", "genres", "price"}
    assert ask("values", "stan").values[0].value == "Stanley"
    assert len(ask("insight").map.x) == len(ask("insight").map.item_ids) > 0


def test_a_users_whole_life(ask: Ask, face: str) -> None:
    user, other = f"{face}/1", f"{face} 2"
    event = Event(user_id=user, item_id="i3", timestamp=1_700_000_000.5)
    assert ask("send_event", event).outcomes == ("stored",)
    assert ask("send_event", event).outcomes == ("duplicate",)
    later = [Event(user_id=user, item_id="i7"), Event(user_id=other, item_id="nobody")]
    sent = ask("send_events", later)
    assert (sent.outcomes, sent.unknown_items) == (("stored", "stored"), ("nobody",))
    stored = ask("user", user).events
    assert [each.item_id for each in stored] == ["i3", "i7"]
    assert (stored[0].event_id, stored[0].timestamp) == (event.event_id, 1_700_000_000.5)
    answer = ask("recommend", RecommendRequest(user_id=user, k=3))
    assert answer.applied.stored_history == answer.applied.excluded_seen == 2
    assert ask("forget_user", user).deleted_events == 2
    with pytest.raises(NotFound) as gone:
        ask("user", user)
    assert (gone.value.code, gone.value.field) == ("user_not_found", "user_id")


@pytest.mark.parametrize("name", ["new/1", "..", "a?b#c%2F", "ü 1"])
def test_the_catalogue_changes_live(ask: Ask, face: str, name: str) -> None:
    item = NewItem(item_id=name, title="a hammer", attributes={"brand": "Zyxel", "price": 12.5})
    put = ask("put_item", item)
    assert (put.item_id, put.created) == (name, True)
    assert ask("put_item", item).created is False
    assert ask("item", name).attributes["price"] == 12.5
    changed = ask("change_items", [NewItem(item_id="b", title="a saw")], delete=[name, "nothing"])
    assert (changed.created, changed.replaced, changed.deleted) == (1, 0, 1)
    assert changed.unknown_items == ("nothing",)
    assert ask("delete_item", "b").deleted is True
    assert ask("delete_item", "b").deleted is False


def test_operating(ask: Ask) -> None:
    assert ask("alive").status == "alive"
    assert ask("ready").bundle == "first"
    listed = ask("bundles")
    assert (listed.serving, listed.published) == ("first", "first")
    assert [bundle.bundle_id for bundle in listed.bundles] == ["first", "second"]
    assert ask("start_shadow", "second", share=0.5).bundle == "second"
    assert ask("shadow").share == 0.5
    assert ask("stop_shadow").bundle is None
    beside = ask("recommend_from", "second", RecommendRequest(history=HISTORY, k=1))
    assert (beside.versions.bundle, beside.items[0].title[-7:]) == ("second", "@second")
    promoted = ask("promote", "second")
    assert (promoted.serving, promoted.before) == ("second", "first")
    assert ask("roll_back").serving == "first"
    with pytest.raises(Conflict) as refused:
        ask("roll_back")
    assert refused.value.code == "no_earlier_bundle"


def test_a_refusal_says_where_and_what_to_do(ask: Ask) -> None:
    with pytest.raises(BadRequest) as refused:
        ask(
            "recommend",
            RecommendRequest(history=HISTORY, filter=Filter(must=[Condition(key="hue", eq="red")])),
        )
    assert (refused.value.status, refused.value.code) == (422, "invalid_filter")
    assert refused.value.field == "filter.must[0].key"
    assert refused.value.request_id in str(refused.value)
    assert refused.value.problem.what_to_do in str(refused.value)


def test_what_json_has_no_number_for_is_refused_by_the_service(ask: Ask) -> None:
    with pytest.raises(BadRequest) as refused:
        ask("put_item", NewItem(item_id="x", title="y", attributes={"price": float("nan")}))
    assert refused.value.code == "invalid_json"


def test_the_service_is_told_the_deadline(client: Callable[..., Ask], server: Running) -> None:
    patient = client(server.url, deadline=30.0)
    assert patient("recommend", RecommendRequest(history=HISTORY, k=1)).items
    hasty = client(server.url, deadline=0.000_001)
    with pytest.raises(DeadlineExceeded) as late:
        hasty("recommend", RecommendRequest(history=HISTORY, k=1))
    assert (late.value.status, late.value.code) == (504, "deadline_exceeded")


def test_where_nobody_listens(client: Callable[..., Ask], unused_port: int) -> None:
    nobody = client(f"http://127.0.0.1:{unused_port}", retry=Retry(attempts=2, first=0.0))
    with pytest.raises(NoAnswer, match=f"GET /readyz got no answer from .*:{unused_port}, asked 2 times"):
        nobody("ready")
