"""Bundles that are damaged, incomplete, made of parts of others or hold links: refused, and the file is named."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from index.bundle import BundleError, BundleWriter, Manifest, current_id, open_bundle, publish
from index.catalog import Catalogue
from index.manifest import read_manifest
from index.tensors import TokenTable, map_tensors
from tests.index.small_bundles import RECORDS, TEXT_VECTORS, TOKENS, VECTORS, make, names, reseal, write_parts


def test_a_damaged_bundle_is_not_published(tmp_path: Path) -> None:
    make(tmp_path, "one")
    publish(tmp_path, "one")
    make(tmp_path, "two")
    (tmp_path / "two" / "columns.json").write_text("{}")
    with pytest.raises(BundleError, match=r"columns\.json"):
        publish(tmp_path, "two")
    assert current_id(tmp_path) == "one"


FILES = [
    "manifest.json",
    "catalogue.parquet",
    "columns.json",
    "items.safetensors",
    "neighbours.safetensors",
    "checkpoint/item/weights.safetensors",
]


@pytest.mark.parametrize("name", FILES)
def test_every_truncation_is_found(name: str, tmp_path: Path) -> None:
    make(tmp_path, "one")
    path = tmp_path / "one" / name
    whole = path.read_bytes()
    for length in sorted({0, 1, len(whole) // 2, len(whole) - 1}):
        path.write_bytes(whole[:length])
        with pytest.raises(BundleError, match=name):
            open_bundle(tmp_path, "one")
    path.write_bytes(whole)
    open_bundle(tmp_path, "one")


@pytest.mark.parametrize("name", FILES)
def test_flipped_bits_are_found_in_every_file(name: str, tmp_path: Path) -> None:
    make(tmp_path, "one")
    path = tmp_path / "one" / name
    whole = path.read_bytes()
    for position in range(0, len(whole), max(1, len(whole) // 30)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << (position % 8)
        path.write_bytes(bytes(damaged))
        with pytest.raises(BundleError, match=name):
            open_bundle(tmp_path, "one")


def test_no_bit_of_a_manifest_can_flip(tmp_path: Path) -> None:
    path = make(tmp_path, "one") / "manifest.json"
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 23):  # every place of a byte, and every third byte
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(bytes(damaged))
        with pytest.raises(BundleError, match=r"manifest\.json"):
            read_manifest(tmp_path / "one")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    make(tmp_path, "one")
    (tmp_path / "one" / name).unlink()
    with pytest.raises(BundleError, match=name):
        open_bundle(tmp_path, "one")


def test_a_file_that_does_not_belong_is_named(tmp_path: Path) -> None:
    make(tmp_path, "one")
    (tmp_path / "one" / "checkpoint" / "extra.bin").write_bytes(b"")
    with pytest.raises(BundleError, match=r"checkpoint/extra\.bin is not in the bundle's manifest"):
        open_bundle(tmp_path, "one")


def test_links_are_refused_wherever_they_are(tmp_path: Path) -> None:
    make(tmp_path, "one")
    weights = tmp_path / "one" / "checkpoint" / "item" / "weights.safetensors"
    weights.rename(tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match=r"weights\.safetensors is a link"):
        open_bundle(tmp_path, "one")
    (tmp_path / "elsewhere").unlink()
    make(tmp_path, "two")
    (tmp_path / "alias").symlink_to(tmp_path / "two")
    with pytest.raises(BundleError, match="alias is a link"):
        open_bundle(tmp_path, "alias")
    (tmp_path / "current").symlink_to(tmp_path / "two" / "columns.json")
    with pytest.raises(BundleError, match="current is a link"):
        open_bundle(tmp_path)
    manifest = tmp_path / "two" / "manifest.json"
    manifest.rename(tmp_path / "manifest")
    manifest.symlink_to(tmp_path / "manifest")
    with pytest.raises(BundleError, match="not a plain file"):
        open_bundle(tmp_path, "two")


def test_a_link_cannot_be_sealed(tmp_path: Path) -> None:
    with BundleWriter(tmp_path, "one") as writer:
        write_parts(writer.folder)
        (writer.folder / "checkpoint" / "link").symlink_to("/etc/hostname")
        with pytest.raises(BundleError, match="checkpoint/link is a link"):
            writer.seal(encoder_fingerprint="f", data_hash="d")
    assert names(tmp_path) == set()


@pytest.mark.parametrize("content", [b"", b"../one", b"one\n\n", b"\xff", b"one two\n"])
def test_a_damaged_pointer_is_named(content: bytes, tmp_path: Path) -> None:
    make(tmp_path, "one")
    (tmp_path / "current").write_bytes(content)
    with pytest.raises(BundleError, match="current does not name a bundle"):
        open_bundle(tmp_path)


def test_a_bundle_cannot_be_renamed_or_hold_paths_outside(tmp_path: Path) -> None:
    folder = make(tmp_path, "one")
    folder.rename(tmp_path / "two")
    with pytest.raises(BundleError, match="is of bundle 'one', not 'two'"):
        open_bundle(tmp_path, "two")
    fields = json.loads((tmp_path / "two" / "manifest.json").read_text())
    for path in ("../outside", "/etc/passwd", "a//b", "a/./b", "a\\b"):
        with pytest.raises(ValueError, match="malformed"):
            Manifest(**{**{k: v for k, v in fields.items() if k != "sha256"}, "files": {path: None}})


def swap(name: str, array: np.ndarray, file: str = "items.safetensors") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        arrays = load_file(folder / file)
        save_file({**arrays, name: array}, folder / file)

    return change


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("vectors", VECTORS[:2], r"disagree on the number of items: \[2, 3\]"),
        ("text_vectors", TEXT_VECTORS[:1], "disagree"),
        ("token_offsets", np.array([0, 3, 4]), "disagree"),
        ("vectors", VECTORS.astype(np.int32), "'vectors' is missing, or is not float32"),
        ("vectors", VECTORS[0].copy(), "with 2 axes"),
        ("vectors", np.where(VECTORS == 5, np.nan, VECTORS).astype(np.float32), "vectors hold NaN"),
        ("text_vectors", np.full((3, 5), np.inf, np.float32), "text_vectors hold NaN or Infinity"),
        ("token_offsets", np.array([0, 3, 2, 4]), "offsets do not rise"),
        ("token_offsets", np.array([1, 3, 3, 4]), "offsets do not rise"),
        ("token_offsets", np.array([0, 3, 3, 5]), "offsets do not rise"),
        ("token_ids", np.array([7, -8, 9, 101], np.int32), "token id is negative"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    name: str, array: np.ndarray, message: str, tmp_path: Path
) -> None:
    folder = make(tmp_path, "one")
    with pytest.raises(BundleError, match=f"items.safetensors cannot be used: .*{message}"):
        reseal(folder, swap(name, array))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("starts", np.array([0, 2, 2, 2, 3]), "it is of 4 items, the bundle of 3"),
        ("starts", np.array([0, 2, 1, 3]), "starts do not rise"),
        ("starts", np.array([0, 2, 2, 3], np.int32), "'starts' is missing, or is not int64"),
        ("rows", np.array([1, 2, 3], np.int32), r"rows must lie in 0\.\.2"),
        ("rows", np.array([1, 2], np.int32), "2 rows need as many weights, not 3"),
        ("weights", np.array([1, -1, 1], np.float32), "weights must be finite and not negative"),
        ("weights", np.array([1, np.nan, 1], np.float32), "weights must be finite"),
        ("weights", np.array([[1, 1, 1]], np.float32), "'weights' is missing, or is not float32 with 1 axes"),
        ("decay", np.array([1.5]), "decay must lie above 0"),
        ("decay", np.array([0.5, 0.5]), "decay holds 2 numbers instead of 1"),
        ("decay", np.array([0.5], np.float32), "'decay' is missing, or is not float64"),
    ],
)
def test_neighbours_that_do_not_fit_are_refused(
    name: str, array: np.ndarray, message: str, tmp_path: Path
) -> None:
    folder = make(tmp_path, "one")
    with pytest.raises(BundleError, match=f"neighbours.safetensors cannot be used: .*{message}"):
        reseal(folder, swap(name, array, "neighbours.safetensors"))


def test_a_catalogue_of_another_bundle_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path, "one")
    with pytest.raises(BundleError, match=r"disagree on the number of items: \[2, 3\]"):
        reseal(folder, Catalogue.from_records(RECORDS[:2]).save)


def test_a_token_table_is_strict_about_rows() -> None:
    table = TokenTable.from_lists(TOKENS)
    assert table.offsets.tolist() == [0, 3, 3, 4]
    assert (len(table), table[0].tolist()) == (3, [7, 8, 9])
    for row in (-1, 3):
        with pytest.raises(IndexError):
            table[row]


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}',
    ],
)
def test_a_malformed_array_file_is_refused(header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 8)
    with pytest.raises(ValueError, match=r"does not fit its place|Expecting property name"):
        map_tensors(path)
    path.write_bytes((1000).to_bytes(8, "little"))
    with pytest.raises(ValueError, match="header is longer than the file"):
        map_tensors(path)
