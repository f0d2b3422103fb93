"""What the routes for operators answer: is it there, which bundles there are, which one answers."""

from laser_client.answers import Answer


class AliveResponse(Answer):
    """The process answers."""

    status: str


class ReadyResponse(Answer):
    """Requests can be answered. Where keys are on, who brings none learns nothing but that."""

    status: str = "ready"
    bundle: str | None = None
    catalogue: int | None = None
    last_change: int | None = None
    warnings: tuple[str, ...] = ()


class BundleInfo(Answer):
    """One bundle, by its manifest; `steps_back` rollbacks until it is published, 0 is published, null never was."""

    bundle_id: str
    created: str
    items: int
    last_change: int
    encoder: str
    bytes: int
    steps_back: int | None


class BundlesResponse(Answer):
    """What there is, what is published, and what answers; the last two differ while a bundle is refused."""

    serving: str
    published: str | None
    pointer_damaged: str | None
    pinned: bool
    following: bool
    bundles: tuple[BundleInfo, ...]


class PromotedResponse(Answer):
    """The bundle that answers from now on, and the one before."""

    serving: str
    before: str
    seconds: float


class ShadowResponse(Answer):
    """The bundle in the shadow, null without one, and its share of the requests."""

    bundle: str | None
    share: float
