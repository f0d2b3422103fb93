"""How a sentence joins the residual read-out: as what, and with a weight that its own words choose.

    (w + g . v) * (v + M v)

v is the frozen vector of the sentence. One weight w for all sentences pulls "no Makita" towards Makita, whose word it
has; g gives the weight a size and a sign, M takes from v what is manner of speaking. g and M start at zero, and with
them the head at w * v. Without a sentence v is zero and so is the sum, whatever g and M are: training them changes
nothing for those who say nothing. g reads v and not the output at the suffix, from which the sign of a sentence is
told less well: of held-out pairs "X" and "not X" a linear map orders .997 right from v, .843 from h_s.

Letters: B batch, D backbone width.
"""

from torch import Tensor, nn


class SentenceHead(nn.Module):
    """g and M, the only weights that rows with a sentence train (training/sentence_phase.py)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Linear(width, 1)
        self.map = nn.Linear(width, width, bias=False)
        for weight in (self.gain.weight, self.gain.bias, self.map.weight):
            nn.init.zeros_(weight)
        self._scale = width**0.5  # a unit vector's entries become 1 in size, so that g learns as fast as M

    def forward(self, sentence: Tensor, weight: Tensor) -> Tensor:
        """What is added to the history: v [B, D], unit length or 0, and w [B, 1] -> [B, D]."""
        added: Tensor = (weight + self.gain(sentence * self._scale)) * (sentence + self.map(sentence))
        return added
