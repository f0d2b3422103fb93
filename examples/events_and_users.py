"""Send what users do as it happens, then recommend by user id alone. See events_and_users.md."""

from laser_client import Event, Laser, NotFound, RecommendRequest

USER = "examples/ada"


def main() -> None:
    """A user's events are stored, counted at once, shown whole, and forgotten."""
    events = [Event(user_id=USER, item_id=film) for film in ("alien-1979", "aliens-1986", "the-thing-1982")]
    with Laser() as laser:
        print("sent:      ", *laser.send_events(events).outcomes)
        print("sent again:", *laser.send_events(events).outcomes)

        answer = laser.recommend(RecommendRequest(user_id=USER, k=3))
        print(
            f"{answer.applied.stored_history} stored events count, {answer.applied.excluded_seen} films were seen"
        )
        for film in answer.items:
            print(f"{film.rank}. {film.title}")

        stored = laser.user(USER)
        print("stored:", *(event.item_id for event in stored.events))
        print("deleted events:", laser.forget_user(USER).deleted_events)
        try:
            laser.user(USER)
        except NotFound as gone:
            print(f"after that: {gone.status} {gone.code}")


if __name__ == "__main__":
    main()
