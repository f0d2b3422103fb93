"""Worked examples in the OpenAPI document. They speak of the bundled demo's films; a test holds them to it."""

from typing import Any

RECOMMEND: dict[str, dict[str, Any]] = {
    "history": {
        "summary": "What next, after these three?",
        "value": {
            "history": [
                {"item_id": "star-wars-1977"},
                {"item_id": "the-empire-strikes-back-1980"},
                {"item_id": "star-trek-ii-the-wrath-of-khan-1982"},
            ],
            "k": 5,
        },
    },
    "sentence": {
        "summary": "A history and a sentence: what it says clearly is obeyed, and the answer says what it understood",
        "value": {
            "history": [{"item_id": "alien-1979"}],
            "constraint": "science fiction from the 80s or later, no horror, at most two hours",
            "k": 5,
            "explain": True,
        },
    },
    "soft sentence": {
        "summary": "The same wish without a filter: all of it steers",
        "value": {
            "history": [{"item_id": "alien-1979"}],
            "constraint": "something short and recent, not too scary",
            "constraint_mode": "soft",
            "k": 5,
        },
    },
    "filter": {
        "summary": "Conditions that must hold, and items that must not come back",
        "value": {
            "history": [{"item_id": "alien-1979"}],
            "filter": {
                "must": [{"key": "year", "gte": 1990}],
                "must_not": [{"key": "genres", "in": ["Horror"]}],
            },
            "exclude": {"seen": True, "item_ids": ["the-matrix-1999"]},
            "k": 5,
            "explain": True,
        },
    },
    "title": {
        "summary": "Something the catalogue does not have, by its title",
        "value": {
            "history": [{"title": "A documentary about lighthouses", "attributes": {"year": 2021}}],
            "k": 5,
        },
    },
    "diverse": {
        "summary": "Less of the same: different from each other, and at most two of one director",
        "value": {
            "history": [{"item_id": "alien-1979"}],
            "diversity": {"mmr": 0.7, "max_per": {"director": 2}},
            "k": 5,
        },
    },
    "cold start": {
        "summary": "Nothing but a sentence",
        "value": {"constraint": "a heist with a clever twist", "k": 5},
    },
}

BATCH: dict[str, dict[str, Any]] = {
    "two": {
        "summary": "Two people in one request",
        "value": {
            "requests": [
                {"history": [{"item_id": "alien-1979"}], "k": 3},
                {"constraint": "a heist with a clever twist", "k": 3},
            ]
        },
    },
}

EVENTS: dict[str, dict[str, Any]] = {
    "one": {
        "summary": "One event",
        "value": {
            "user_id": "u-7",
            "event_id": "8f14e45f-1",
            "item_id": "alien-1979",
            "timestamp": 1700000000,
        },
    },
    "batch": {
        "summary": "Several, of any users",
        "value": {
            "events": [
                {
                    "user_id": "u-7",
                    "event_id": "8f14e45f-2",
                    "item_id": "aliens-1986",
                    "timestamp": 1700000060.5,
                },
                {
                    "user_id": "u-8",
                    "event_id": "c9f0f895-1",
                    "item_id": "the-matrix-1999",
                    "timestamp": 1700000061,
                },
            ]
        },
    },
}

ITEM: dict[str, dict[str, Any]] = {
    "new": {
        "summary": "A film that is new",
        "value": {
            "title": "The Lighthouse at the End",
            "attributes": {
                "year": 2026,
                "genres": ["Drama", "Mystery"],
                "director": "Ada Example",
                "language": "English",
                "runtime": 104,
                "themes": ["solitude", "sea"],
            },
        },
    },
}

ITEMS: dict[str, dict[str, Any]] = {
    "both": {
        "summary": "One film to put, one to delete",
        "value": {
            "items": [{"item_id": "the-lighthouse-at-the-end-2026", **ITEM["new"]["value"]}],
            "delete": ["12-monkeys-1995"],
        },
    },
}

PROBLEM: dict[str, Any] = {
    "type": "urn:laser:problem:limit_exceeded",
    "title": "A field is over its limit",
    "status": 422,
    "code": "limit_exceeded",
    "field": "k",
    "detail": "At most 100; this is 500.",
    "what_to_do": "Send less, or have the server's limit raised.",
    "request_id": "6f1c2b0e9d3a4c55a0e5b7c1d2f3a4b5",
}
