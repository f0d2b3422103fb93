"""From a request to its answer, alone or in a batch: whose history it is, the recommender, and who takes note."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from service.answered import Answered
from service.recommender import Recommender
from service.schemas import RecommendRequest, RecommendResponse
from service.serving import Serving
from service.shadow import Shadow
from service.trace import Trace
from service.users import TenantUsers


@dataclass(frozen=True)
class Answering:
    """Answers requests of one caller, all by the same recommender."""

    recommender: Recommender
    users: TenantUsers
    answered: Answered
    shadow: Shadow

    async def answer(self, request: RecommendRequest, trace: Trace) -> RecommendResponse:
        """What was shown is counted, and perhaps compared with the shadow's. Raises ApiError."""
        stored = await self.users.stored_history(request.user_id, trace)
        response = await self.recommender.recommend(request, trace, stored)
        self.answered.note(response.versions.bundle, [item.item_id for item in response.items])
        self.shadow.compare(request, stored, response)
        return response


@dataclass(frozen=True)
class Desk:
    """Where the requests of one caller are answered."""

    serving: Serving
    users: TenantUsers
    answered: Answered
    shadow: Shadow

    @contextmanager
    def answering(self) -> Iterator[Answering]:
        """By one recommender: a swap until the block ends changes nothing for it."""
        with self.serving.lease() as recommender:
            yield Answering(recommender, self.users, self.answered, self.shadow)
