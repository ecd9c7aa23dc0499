# SPDX-License-Identifier: Apache-2.0
"""kill -9 of everybody who has to do with jobs, at every place where it matters and at random moments, of Redis with its
append-only file, FLUSHALL, and connections to PostgreSQL that end. Effects must be those of committed intents, once.

QUEUE_KILL_ROUNDS: how many rounds (6). QUEUE_KILL_SEED: repeats them. All hundred:
    QUEUE_KILL_ROUNDS=100 nice pytest-3 -x tests/e2e/test_queue_kills.py"""
import os
import random
import secrets

import pytest

from queue_house import QueueHouse
from queue_rounds import Figures, Round, faults

ROUNDS = int(os.environ.get("QUEUE_KILL_ROUNDS", 6))
SEED = os.environ.get("QUEUE_KILL_SEED") or secrets.token_hex(4)


def plan():
    """The fault of each round: all of them, in an order of this seed, then all of them again."""
    shuffle, out = random.Random(SEED), []
    while len(out) < ROUNDS:
        some = list(faults())
        shuffle.shuffle(some)
        out += some
    return out[:ROUNDS]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    running = QueueHouse(tmp_path_factory.mktemp("queue"))
    running.figures = Figures()
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_was_wanted_happens_once(house, number):
    name, method, place = plan()[number]
    print(f"QUEUE_KILL_SEED={SEED}, round {number}: {name}")
    Round(house, number, SEED, house.figures).run(method, place)


def test_nothing_is_left_over(house, capsys):
    """After all of it Redis knows of no job any more, and what it keeps is in order. Also says what was seen."""
    with capsys.disabled():
        print(f"\n{house.figures}")
    house.start_worker()
    house.expect_sound()
