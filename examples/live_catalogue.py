"""Add an item, recommend it, change it and take it out, all while serving. See live_catalogue.md."""

from laser_client import Condition, Filter, Laser, NewItem, RecommendRequest

FILM = NewItem(
    item_id="examples/the-lighthouse-at-the-end",
    title="The Lighthouse at the End",
    attributes={
        "year": 2026,
        "genres": ["Science Fiction", "Mystery"],
        "director": "Ada Example",
        "language": "English",
        "runtime": 104,
        "themes": ["solitude", "sea"],
    },
)
HERS = Filter(must=[Condition(key="director", eq="Ada Example")])


def main() -> None:
    """Each change is on disk, and in force in every later answer, when its call returns."""
    with Laser() as laser:
        laser.delete_item(FILM.item_id)
        print("before:", *found(laser))
        laser.put_item(FILM)
        print("added:", *found(laser))
        laser.put_item(FILM.model_copy(update={"title": "The Lighthouse, Director's Cut"}))
        print("renamed:", *found(laser))
        print("like it:", *(film.title for film in laser.similar(FILM.item_id, k=3).items), sep="\n   ")
        laser.delete_item(FILM.item_id)
        print("deleted:", *found(laser))


def found(laser: Laser) -> list[str]:
    """Titles of her films that are recommended after Alien; she has made one at most."""
    answer = laser.recommend(RecommendRequest(history=["alien-1979"], filter=HERS, k=1))
    return [film.title for film in answer.items] or ["nothing"]


if __name__ == "__main__":
    main()
