"""What next, after these three films? See first_recommendation.md."""

from laser_client import Laser, RecommendRequest

HISTORY = ["star-wars-1977", "the-empire-strikes-back-1980", "star-trek-ii-the-wrath-of-khan-1982"]


def main() -> None:
    """Ask for five films, and say why each came."""
    with Laser() as laser:
        answer = laser.recommend(RecommendRequest(history=HISTORY, k=5, explain=True))
    print(f"{answer.search.allowed} films were allowed; {answer.applied.excluded_seen} are left out as seen.")
    for film in answer.items:
        print(f"{film.rank}. {film.title} ({film.attributes['year']}), score {film.score:.2f}")
        for reason in film.reasons[:1]:
            print(f"   {reason.share:.0%} of what speaks for it is {reason.title}")


if __name__ == "__main__":
    main()
