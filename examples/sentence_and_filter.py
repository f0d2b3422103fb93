"""A sentence that is obeyed, a filter that always holds, and what was understood. See sentence_and_filter.md."""

from laser_client import Condition, Filter, Laser, RecommendRequest
from laser_client.answers import AppliedConstraint

SENTENCE = "science fiction from the 80s or later, no horror, preferably under two hours, with a clever twist"
ENGLISH = Filter(must=[Condition(key="language", eq="English")])


def main() -> None:
    """Ask with both, and show what each did."""
    request = RecommendRequest(history=["alien-1979"], constraint=SENTENCE, filter=ENGLISH, k=5, explain=True)
    with Laser() as laser:
        answer = laser.recommend(request)
    print(f"{answer.search.allowed} films pass the filter and what was understood of the sentence:")
    show(answer.applied.constraint)
    for film in answer.items:
        genres, runtime = ", ".join(film.attributes["genres"]), film.attributes["runtime"]
        print(f"{film.rank}. {film.title}: {genres}; {runtime} min")
        if film.sentence is not None and film.sentence.rank_without is not None:
            print(f"   without the sentence it would be number {film.sentence.rank_without}")


def show(constraint: AppliedConstraint) -> None:
    """What was read in the sentence, and what was not."""
    for condition in constraint.understood:
        effect = "filters" if condition.hard else "steers"
        print(f"- {condition.words!r} {effect}: {condition.attribute} {condition.operator} {condition.value}")
    print(f"- left as text, which steers: {constraint.as_text!r}")
    for part in constraint.ignored:
        print(f"- of no use here: {part!r}")
    for problem in constraint.contradictions:
        print(f"- cannot be obeyed: {problem.text}")


if __name__ == "__main__":
    main()
