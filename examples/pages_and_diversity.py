"""Page through recommendations, with less of the same on each page. See pages_and_diversity.md."""

from itertools import islice

from laser_client import Diversity, Laser, RecommendRequest, RecommendResponse

PAGES = 2


def main() -> None:
    """The same request twice: by score alone, then with at most one film of a director on a page."""
    plain = RecommendRequest(history=["alien-1979", "blade-runner-1982"], k=4)
    varied = plain.model_copy(update={"diversity": Diversity(mmr=0.7, max_per={"director": 1})})
    with Laser() as laser:
        for name, request in (("By score", plain), ("Varied", varied)):
            print(f"{name}:")
            seen: set[str] = set()
            for number, page in enumerate(islice(laser.pages(request), PAGES), start=1):
                show(number, page)
                seen |= {film.item_id for film in page.items}
            print(f"  {len(seen)} different films on {PAGES} pages")


def show(number: int, page: RecommendResponse) -> None:
    """One page, a film a line."""
    print(f"  page {number}")
    for film in page.items:
        print(f"    {film.title} ({film.attributes['director']})")


if __name__ == "__main__":
    main()
