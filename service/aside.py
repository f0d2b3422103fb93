"""A bundle loaded aside: for answers beside those of the bundle in service, never instead of them.

Where both have the same frozen backbone, it is in memory once. What is counted in it is counted in metrics of its own,
and it keeps no user's embedding: who is forgotten need not be forgotten there.
"""

import asyncio
import logging
import time
from functools import partial

from service import logs
from service.loading import load_recommender
from service.metrics import Metrics
from service.promotion import Entering, bring_up_to_date, refusal_of
from service.recommender import Recommender
from service.serving import Serving
from service.settings import Settings


async def load_aside(
    serving: Serving, settings: Settings, entering: Entering, bundle_id: str, how: str
) -> Recommender:
    """Verified, warmed up, and with every change of the catalogue. `how` says in logs and metrics what it is for.

    Raises ApiError (409, 503); then it has been logged and counted.
    """
    started = time.monotonic()
    try:
        new = await asyncio.to_thread(partial(_loaded, serving, settings, bundle_id))
        try:
            await bring_up_to_date(entering, new)
        except BaseException:
            await asyncio.to_thread(new.close)
            raise
    except Exception as error:
        refusal = refusal_of(error)
        serving.metrics.bundle_refusals.labels(how).inc()
        fields = {"bundle": bundle_id, "how": how, "reason": refusal.detail}
        logs.event(logging.ERROR, "bundle refused", **fields, **logs.describe(error))
        raise refusal from error
    seconds = f"{time.monotonic() - started:.3f}"
    logs.event(logging.INFO, "bundle loaded aside", bundle=bundle_id, how=how, seconds=seconds)
    return new


def _loaded(serving: Serving, settings: Settings, bundle_id: str) -> Recommender:
    without_cache = settings.model_copy(update={"cache_mb": 0.0})
    with serving.lease() as beside:
        return load_recommender(without_cache, Metrics(), bundle_id, beside)
