"""Answers that are less than was asked for, and how each says so. See when_it_is_less.md."""

from laser_client import BadRequest, Condition, DeadlineExceeded, Filter, Laser, RecommendRequest

ALIEN = ["alien-1979"]


def main() -> None:
    """Five requests that cannot be answered as they stand, and what to look at in each answer."""
    with Laser() as laser:
        very_old = Filter(must=[Condition(key="year", lt=1921)])
        answer = laser.recommend(RecommendRequest(history=ALIEN, filter=very_old, k=10))
        if answer.shortfall is not None:
            short = answer.shortfall
            print(f"shortfall: {short.returned} of {short.requested}, for no more are {short.reason}")

        answer = laser.recommend(RecommendRequest(history=[*ALIEN, "a-film-we-do-not-have"], k=1))
        print("unknown items:", *answer.unknown_items)

        answer = laser.recommend(RecommendRequest(user_id="examples/nobody", constraint="a heist", k=1))
        print("degraded:", *answer.degraded)

        impossible = "from before 1950 and from after 2000"
        answer = laser.recommend(RecommendRequest(history=ALIEN, constraint=impossible, k=1))
        for problem in answer.applied.constraint.contradictions:
            print(f"contradiction: {problem.text}")

        try:
            laser.recommend(
                RecommendRequest(history=ALIEN, filter=Filter(must=[Condition(key="colour", eq="red")]))
            )
        except BadRequest as refused:
            print(f"refused: {refused.code} at {refused.field}")

        try:
            laser.within(0.000_001).recommend(RecommendRequest(history=ALIEN))
        except DeadlineExceeded as late:
            print(f"too late: {late.code}")


if __name__ == "__main__":
    main()
