"""Rows with a sentence: each sentence is true of its target and not of the other, and testing stays unseen."""

import numpy as np

from training.sentences import TESTING, TRAINING, Attributes, Claim, Sentences

ITEMS = (
    [{"item_id": f"m{n}", "brand": "Makita", "kinds": ["Tools", "Drills"], "price": 40 + n} for n in range(6)]
    + [
        {"item_id": f"s{n}", "brand": "Stanley", "kinds": ["Tools", "Saws"], "price": 10 + n}
        for n in range(6)
    ]
    + [{"item_id": f"r{n}", "brand": f"Rare {n}", "kinds": ["Garden"], "price": 90} for n in range(3)]
    + [{"item_id": "unknown"}]
)
MAKITA, STANLEY, RARE, BARE = 0, 6, 12, 15


def rows(*given: int) -> np.ndarray:
    return np.array(given, dtype=np.int64)


def truth(sentence: str, item: int) -> bool:
    """What a sentence of these templates says of an item, read backwards."""
    for templates in (TRAINING, TESTING):
        for way, wanted in (("include", True), ("exclude", False)):
            for template in getattr(templates, way):
                for brand_or_kind in ("Makita", "Stanley", "Drills", "Saws", "Tools", "Garden"):
                    if sentence == template.format(value=brand_or_kind):
                        record = ITEMS[item]
                        return (brand_or_kind in [record.get("brand"), *record.get("kinds", [])]) == wanted
        for way, below in (("below", True), ("above", False)):
            for template in getattr(templates, way):
                head, tail = template.format(name="price", number="|").split("|")
                if sentence.startswith(head) and sentence.endswith(tail):
                    number = float(sentence[len(head) :].removesuffix(tail))
                    return (float(ITEMS[item]["price"]) < number) == below
    raise AssertionError(f"no template says {sentence!r}")


def test_values_that_are_rare_or_everywhere_are_not_spoken_of() -> None:
    attributes = Attributes.read(ITEMS)
    assert attributes.spoken == {
        Claim("brand", "Makita"),
        Claim("brand", "Stanley"),
        Claim("kinds", "Drills"),
        Claim("kinds", "Saws"),
    }  # Rare and Garden are few, Tools is most


def test_a_claim_is_true_of_one_item_and_false_of_another_that_knows_the_attribute() -> None:
    attributes = Attributes.read(ITEMS)
    assert attributes.claims(MAKITA, STANLEY) == [Claim("brand", "Makita"), Claim("kinds", "Drills")]
    assert attributes.claims(MAKITA, BARE) == []
    assert attributes.claims(RARE, MAKITA) == []
    assert np.flatnonzero(attributes.having(Claim("kinds", "Saws"))).tolist() == [6, 7, 8, 9, 10, 11]


def test_a_pair_shares_its_history_and_only_the_sentence_tells_the_targets_apart() -> None:
    sentences = Sentences(Attributes.read(ITEMS))
    seen = set()
    for seed in range(40):
        first, second = sentences.pair(rows(BARE, STANLEY, STANLEY), MAKITA, np.random.default_rng(seed))
        assert first.history.tolist() == second.history.tolist() == [BARE]  # without the other target
        assert (first.target, second.target) == (MAKITA, STANLEY)
        assert truth(first.sentence, MAKITA)
        assert not truth(first.sentence, STANLEY)
        assert truth(second.sentence, STANLEY)
        assert not truth(second.sentence, MAKITA)
        seen.add(first.sentence)
    assert any("price" in sentence for sentence in seen)
    assert any("price" not in sentence for sentence in seen)


def test_what_cannot_be_told_apart_or_leaves_no_history_makes_no_pair() -> None:
    sentences, rng = Sentences(Attributes.read(ITEMS)), np.random.default_rng(0)
    assert sentences.pair(rows(BARE, BARE), MAKITA, rng) == ()
    assert sentences.pair(rows(STANLEY), MAKITA, rng) == ()
    assert sentences.pair(rows(MAKITA, MAKITA), MAKITA, rng) == ()


def test_the_newest_items_are_the_other_target() -> None:
    sentences = Sentences(Attributes.read(ITEMS))
    history = rows(STANLEY + 5, MAKITA + 1, MAKITA + 2, MAKITA + 3, MAKITA + 4, MAKITA + 5)
    others = {
        row.target
        for seed in range(30)
        for row in sentences.pair(history, MAKITA, np.random.default_rng(seed))[1:]
    }
    assert others <= {MAKITA + n for n in range(1, 6)}  # the sixth newest is too old


def test_training_and_testing_share_no_value_and_no_template() -> None:
    attributes = Attributes.read(ITEMS)
    training, testing = Sentences(attributes), Sentences(attributes, testing=True)
    claims = [Claim("brand", f"value {n}") for n in range(400)]
    assert all(training.speaks_of(claim) != testing.speaks_of(claim) for claim in claims)
    assert 60 < sum(testing.speaks_of(claim) for claim in claims) < 140  # about a quarter
    for way in ("include", "exclude", "below", "above"):
        assert not set(getattr(TRAINING, way)) & set(getattr(TESTING, way))
    rng = np.random.default_rng(0)
    assert testing.include(Claim("brand", "Makita"), rng) in {
        template.format(value="Makita") for template in TESTING.include
    }
    assert training.exclude(Claim("brand", "Makita"), rng) in {
        template.format(value="Makita") for template in TRAINING.exclude
    }
