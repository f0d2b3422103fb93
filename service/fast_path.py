"""An answer without the encoder: where the queue would refuse a request, the history's stored vectors speak for it.

    user = [normalize(sum over history items i of decay^(number of newer items) * z_i) ; 0]

z_i are the item vectors of the catalogue, and the neighbours of the history are added by the search as always. What
was read in the sentence word by word still filters and steers; phrases, which only the encoder understands, change
nothing and are told as ignored. An answer made this way carries `degraded: ["encoder"]`. It is off unless
LASER_FAST_PATH=true, because it ranks worse; benchmarks/service_speed.py measures by how much.
"""

from dataclasses import replace

import numpy as np

from service.constraints import Constraint
from service.constraints.overrides import override
from service.encoding import EncodedUser, EncodeJob

DECAY = 0.5  # what an item counts beside the one that followed it


def fast_user(job: EncodeJob, max_history: int) -> EncodedUser | None:
    """The user of a job, not encoded; None where no item of the catalogue is in the history."""
    known = tuple(entry for entry in job.entries[-max_history:] if entry.row is not None)
    if not known:
        return None
    snapshot = job.snapshot
    items = snapshot.vectors[[entry.row for entry in known if entry.row is not None]]  # [N, V]
    ages = np.arange(len(known) - 1, -1, -1)  # [N], number of newer items
    vector = (DECAY**ages @ items).astype(np.float32)  # [V]
    vector[snapshot.text_width :] = 0
    vector /= max(float(np.linalg.norm(vector)), float(np.finfo(np.float32).tiny))
    return EncodedUser(vector, known, items, _by_words(job.constraint), fast=True)


def _by_words(constraint: Constraint) -> Constraint:
    """What is understood without the encoder; the phrases are ignored."""
    unread = tuple(phrase.text for phrase in constraint.phrases)
    return override(replace(constraint, ignored=(*constraint.ignored, *unread), as_text=""))
