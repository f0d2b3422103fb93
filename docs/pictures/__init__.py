"""The four flows as pictures: `python -m docs.pictures` draws them into this folder, a test holds them to it.

A flow is a grid of boxes and the arrows between them; draw.py makes an SVG of it. What a picture shows is also told in
words on the page around it.
"""

from docs.pictures.draw import Arrow, Box, Flow

OFFLINE = Flow(
    "From logs to a published bundle",
    boxes=(
        Box("data", 0, 0, "data folder", "items, interactions", kind="store"),
        Box("ids", 1, 0, "ID recommenders", "SASRec, BERT4Rec, GRU4Rec"),
        Box("one", 2, 0, "phase 1", "items and users move"),
        Box("two", 3, 0, "phase 2", "items fixed, users move"),
        Box("fuse", 4, 0, "fusion", "neighbours, weights, step"),
        Box("evaluate", 3, 1, "evaluate", "all items ranked"),
        Box("run", 4, 1, "checkpoint", "both sides, frozen parts", kind="store"),
        Box("reindex", 4, 2, "re-index", "encode new or changed"),
        Box("bundle", 3, 2, "bundle", "verified, immutable", kind="store"),
        Box("pointer", 2, 2, "pointer", "one atomic rename"),
        Box("serve", 1, 2, "service", "takes it up by itself"),
    ),
    arrows=(
        Arrow("data", "ids"),
        Arrow("ids", "one", "states"),
        Arrow("one", "two"),
        Arrow("two", "fuse"),
        Arrow("fuse", "run"),
        Arrow("run", "evaluate"),
        Arrow("run", "reindex"),
        Arrow("reindex", "bundle"),
        Arrow("bundle", "pointer"),
        Arrow("pointer", "serve"),
    ),
)

REQUEST = Flow(
    "From a request to k items",
    boxes=(
        Box("client", 0, 0, "POST /recommend", "history, sentence, filter", kind="store"),
        Box("admit", 1, 0, "admission", "host, key, rate, size"),
        Box("schema", 2, 0, "strict JSON", "closed schemas, limits"),
        Box("history", 3, 0, "history", "ids to rows of the catalogue"),
        Box("sentence", 4, 0, "sentence", "filters, wishes, ignored"),
        Box("store", 3, 1, "store", "events of user_id", kind="store"),
        Box("batch", 4, 1, "micro-batch", "bounded in tokens and time"),
        Box("encode", 4, 2, "encoder", "prompt to user vector"),
        Box("search", 3, 2, "search", "allowed rows only, exactly k"),
        Box("select", 2, 2, "selection", "diversity, reasons, page"),
        Box("answer", 1, 2, "answer", "items, what was applied"),
    ),
    arrows=(
        Arrow("client", "admit"),
        Arrow("admit", "schema"),
        Arrow("schema", "history"),
        Arrow("store", "history"),
        Arrow("history", "sentence"),
        Arrow("sentence", "batch"),
        Arrow("batch", "encode"),
        Arrow("encode", "search"),
        Arrow("search", "select"),
        Arrow("select", "answer"),
    ),
)

CHANGE = Flow(
    "A change of the catalogue, while requests are answered",
    boxes=(
        Box("put", 0, 0, "PUT /items/ID", "title, attributes", kind="store"),
        Box("check", 1, 0, "check", "columns, types, limits"),
        Box("encode", 2, 0, "encode", "where the text is new"),
        Box("log", 3, 0, "change log", "SQLite or Redis, on disk", kind="store"),
        Box("apply", 3, 1, "apply", "in the log's order"),
        Box("reply", 2, 1, "reply", "durable and in force"),
        Box("other", 4, 1, "other replicas", "follow the log"),
        Box("fold", 4, 0, "re-index", "folds it into a bundle"),
    ),
    arrows=(
        Arrow("put", "check"),
        Arrow("check", "encode"),
        Arrow("encode", "log"),
        Arrow("log", "apply"),
        Arrow("apply", "reply"),
        Arrow("log", "fold"),
        Arrow("log", "other"),
    ),
)

SWAP = Flow(
    "Another bundle enters service, and no request notices",
    boxes=(
        Box("pointer", 0, 0, "pointer", "promote, re-index, rollback", kind="store"),
        Box("load", 1, 0, "load aside", "sha256, fingerprints"),
        Box("replay", 2, 0, "replay", "later catalogue changes"),
        Box("warm", 3, 0, "warm up", "a real forward pass"),
        Box("swap", 4, 0, "swap", "one reference"),
        Box("refuse", 1, 1, "refuse", "counted, logged, told"),
        Box("old", 3, 1, "old bundle", "ends its requests, is freed"),
        Box("new", 4, 1, "new bundle", "answers from now on", kind="store"),
    ),
    arrows=(
        Arrow("pointer", "load"),
        Arrow("load", "replay"),
        Arrow("load", "refuse", "unfit"),
        Arrow("replay", "warm"),
        Arrow("warm", "swap"),
        Arrow("swap", "new"),
        Arrow("swap", "old"),
    ),
)

FLOWS = {"offline": OFFLINE, "request": REQUEST, "live_change": CHANGE, "bundle_swap": SWAP}
