"""sentence-transformers in a process of its own, which encodes the same texts whenever it is told to.

    python -m benchmarks.speed_bench.peer MODEL_FOLDER TEXTS.json

Its own defaults throughout: float32, batches of 32, longest texts first. It comes with the package of the embedded
weights, so it runs in this environment, but shares neither a process nor a setting with us.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from model.backbone import embedded_folder

LONGEST = 512  # tokens; as they come, the weights' settings would read the first 256


class Peer:
    """The process. Use it in a `with`; `tokens` is how many it reads of all texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        written = Path(self._folder.name) / "texts.json"
        written.write_text(json.dumps(list(texts)), encoding="utf-8")
        command = [sys.executable, "-m", __spec__.name, str(embedded_folder()), str(written)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.tokens = int(self._answer())

    def encode(self) -> None:
        """Encode all texts once."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> float:
        """Its next line, a number. Raises RuntimeError if it has died; why, it said on stderr."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("sentence-transformers stopped; is the extra `minilm` installed?")
        return float(line)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


def serve(folder: str, texts: str) -> None:
    """Write the number of tokens of all texts; then encode them for every line of the input, until it ends."""
    from sentence_transformers import SentenceTransformer

    given: list[str] = json.loads(Path(texts).read_text(encoding="utf-8"))
    model = SentenceTransformer(folder, device="cpu", local_files_only=True)
    model.max_seq_length = LONGEST
    tokens = model.tokenizer(given, truncation=True, max_length=LONGEST)["input_ids"]
    print(sum(map(len, tokens)), flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        model.encode(given, show_progress_bar=False)
        print(time.perf_counter() - begun, flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
