"""Recommendations for every user of a log, into a file: a nightly job. See batch_job.md."""

import asyncio
import csv
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from laser_client import AsyncLaser, BatchAnswer, RecommendRequest

K = 10  # items a user
USERS = 50  # in a request
AT_ONCE = 2  # requests: more would wait in the service, not be answered sooner
ROUNDS = 20  # how often a user is asked for at most, where the service is busy
BUSY = (429, 503)

Histories = dict[str, list[str]]  # user -> item ids, oldest first


class Line(NamedTuple):
    """What is written of a user."""

    user_id: str
    items: list[str]
    problem: str | None


async def main(log: Path, target: Path) -> None:
    """Read user_id,item_id,timestamp rows, oldest first within a user; write one JSON line a user."""
    turn = asyncio.Semaphore(AT_ONCE)
    async with AsyncLaser(timeout=60) as laser:
        parts = await asyncio.gather(*(recommend(laser, users, turn) for users in chunks(read(log))))
    lines = [line for part in parts for line in part]
    target.write_text("".join(json.dumps(line._asdict()) + "\n" for line in lines), encoding="utf-8")
    failed = sum(line.problem is not None for line in lines)
    print(f"{len(lines)} users in {target}, {failed} of them without an answer")


def read(log: Path) -> Histories:
    """The log by user."""
    histories: Histories = {}
    with log.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            histories.setdefault(row["user_id"], []).append(row["item_id"])
    return histories


def chunks(histories: Histories) -> Iterator[Histories]:
    """USERS users at a time."""
    users = iter(histories.items())
    while chunk := dict(islice(users, USERS)):
        yield chunk


async def recommend(laser: AsyncLaser, users: Histories, turn: asyncio.Semaphore) -> list[Line]:
    """A line for each of these users, in their order. Those for whom the service was too busy are asked for again."""
    answers: dict[str, BatchAnswer] = {}
    left = list(users)
    async with turn:
        for _ in range(ROUNDS):
            batch = await laser.recommend_batch([RecommendRequest(history=users[user], k=K) for user in left])
            answers |= zip(left, batch.answers, strict=True)
            left = [user for user in left if answers[user].status in BUSY]
            if not left:
                break
            await asyncio.sleep(max(answers[user].retry_after or 1 for user in left))
    return [line(user, answers[user]) for user in users]


def line(user: str, answer: BatchAnswer) -> Line:
    """A user's answer. One whose request was wrong does not stop the others."""
    items = [] if answer.answer is None else [item.item_id for item in answer.answer.items]
    return Line(user, items, None if answer.problem is None else answer.problem.code)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
