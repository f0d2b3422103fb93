"""A tiny random Laser and backbones, made in memory or in a temporary folder: no download, milliseconds."""

import string
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoModel, BertConfig, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from model.backbone import Backbone, load_backbone, weights_fingerprint
from model.bi_tuning import BiTuning
from model.collaborative import Collaborative
from model.config import BackboneConfig, LaserConfig, MFormerConfig, PromptConfig
from model.fusion import Fusion
from model.id_recommenders import IdRecommenderConfig, Kind, build_id_recommender
from model.laser import Laser
from model.neighbours import Neighbours, SparseRows
from model.whitening import fit_whitening

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
PIECES = [
    *SPECIAL,
    *string.ascii_lowercase,
    *string.digits,
    *(f"##{c}" for c in string.ascii_lowercase + string.digits),
]
PIECES += [*string.punctuation]
VOCABULARY = {piece: number for number, piece in enumerate(PIECES)}


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A word-piece tokenizer whose pieces are single characters."""
    tokenizer = Tokenizer(models.WordPiece(VOCABULARY, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )


def tiny_bert_config() -> BertConfig:
    """Two layers of width 32."""
    return BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )


def tiny_model(config: PretrainedConfig | None = None, seed: int = 0) -> PreTrainedModel:
    """Random weights of the given shape, larger than usual so that every input matters."""
    torch.manual_seed(seed)
    model: PreTrainedModel = AutoModel.from_config(config or tiny_bert_config(), dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and "embed" not in name:
                parameter.mul_(4)
    return model


def tiny_backbone(config: PretrainedConfig | None = None, seed: int = 0) -> Backbone:
    """A backbone in memory."""
    model = tiny_model(config, seed)
    return Backbone(model, tiny_tokenizer(), weights_fingerprint(model))


def save_tiny_backbone(folder: Path, seed: int = 0) -> BackboneConfig:
    """The same backbone as a folder that `load_backbone` reads."""
    tiny_model(seed=seed).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return BackboneConfig(name=str(folder))


def tiny_config(backbone: BackboneConfig | None = None, **changes: object) -> LaserConfig:
    """A small shape: 2 experts, 3 prefix tokens, one block."""
    values: dict[str, object] = {
        "backbone": backbone or BackboneConfig(name="tiny"),
        "prompt": PromptConfig(
            instruction="sum up:", item_mark=">", item_tokens=12, vector_tokens=24, max_tokens=100
        ),
        "m_former": MFormerConfig(experts=2, prefix_tokens=3, blocks=2, width=16, heads=2, dropout=0.0),
        "text_fields": ("title", "brand"),
        "sources": ("sasrec", "gru4rec"),
        "max_history": 8,
    }
    return LaserConfig(**(values | changes))  # type: ignore[arg-type]


def tiny_collaborative(
    item_ids: Sequence[str], kinds: Sequence[Kind] = ("sasrec", "gru4rec")
) -> Collaborative:
    """Random recommenders over the given items, all warm."""
    torch.manual_seed(1)
    shapes = {
        kind: IdRecommenderConfig(kind, len(item_ids), width=8, blocks=1, max_length=8) for kind in kinds
    }
    recommenders = {kind: build_id_recommender(shape) for kind, shape in shapes.items()}
    return Collaborative(recommenders, item_ids, np.ones(len(item_ids), dtype=bool))


def tiny_neighbours(items: int) -> Neighbours:
    """A ring: each item recommends the next with weight 1, nobody took two items together."""
    rows = np.arange(items)
    ring = SparseRows.from_entries(rows, (rows + 1) % items, np.ones(items, "f4"), items)
    alone = SparseRows.from_entries(rows, rows, np.ones(items, "f4"), items)
    return Neighbours(
        ring,
        np.ones(items, dtype=bool),
        alone,
        decay=0.5,
        text_strength=6.0,
        penalty=1.0,
        new_item_gain=3.0,
        attached=4,
    )


def tiny_laser(item_ids: Sequence[str], folder: Path | None = None, fused: bool = True) -> Laser:
    """A whole random Laser; with a folder its backbone lies there, so that a saved checkpoint can be loaded again.

    Both sides' residual maps are random rather than zero, so prefix, suffix, history and sentence all matter.
    """
    if folder is None:
        backbone, config = tiny_backbone(), tiny_config()
    else:
        named = save_tiny_backbone(folder)
        backbone, config = load_backbone(named, dtype="float32"), tiny_config(named)
    collaborative = tiny_collaborative(item_ids)
    widths = [collaborative.state_widths[name] for name in config.sources]
    torch.manual_seed(2)
    sides = [BiTuning(config, widths, backbone.width) for _ in range(2)]
    for side in sides:
        torch.nn.init.normal_(side.residual.weight, std=0.1)
    rng = np.random.default_rng(3)
    popularity = rng.random(len(item_ids)).astype("f4")
    weights = {"sasrec": 0.5, "popularity": 0.1, "neighbours": 0.2} if fused else {}
    fusion = Fusion(collaborative, popularity, tiny_neighbours(len(item_ids)), weights)
    texts = rng.normal(size=(len(item_ids), backbone.width)).astype("f4")
    fusion.keep_texts(texts / np.linalg.norm(texts, axis=1, keepdims=True), np.arange(len(item_ids)))
    whitening = fit_whitening(rng.normal(size=(50, backbone.width)).astype("f4"))
    return Laser(config, backbone, sides[0], sides[1], collaborative, fusion, "tiny", whitening)
