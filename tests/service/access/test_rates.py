"""The token bucket, on a clock of ours."""

from service.access.rates import Rates


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    rates = Rates(2.0, 3, clock)
    assert [rates.take("shop") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert rates.take("shop") == 0.5
    clock.now += 0.25
    assert rates.take("shop") == 0.25
    clock.now += 0.25
    assert (rates.take("shop"), rates.take("shop")) == (0.0, 0.5)
    clock.now += 1000  # no more than the burst is saved up
    assert [rates.take("shop") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_a_batch_is_admitted_as_one_and_paid_for_whole() -> None:
    clock = Clock()
    rates = Rates(2.0, 3, clock)
    assert rates.take("shop") == 0.0
    rates.owe("shop", 9)  # 3 - 1 - 9 = -7
    assert rates.take("shop") == 4.0
    clock.now += 4
    assert (rates.take("shop"), rates.take("shop")) == (0.0, 0.5)
    rates.owe("stranger", 9)
    assert rates.take("stranger") == 0.0


def test_names_do_not_share() -> None:
    rates = Rates(1.0, 1, Clock())
    assert (rates.take("shop"), rates.take("app")) == (0.0, 0.0)
    assert (rates.take("shop"), rates.take("app")) == (1.0, 1.0)


def test_without_a_limit_nothing_is_counted() -> None:
    rates = Rates(None, None, Clock())
    rates.owe("shop", 1000)
    assert {rates.take("shop") for _ in range(1000)} == {0.0}
    assert not rates._buckets


def test_a_names_own_limit_stands_in_the_place_of_the_services() -> None:
    rates = Rates(1.0, 1, Clock())
    assert [rates.take("shop", 10.0, 2) for _ in range(3)] == [0.0, 0.0, 0.1]
    free = Rates(None, None, Clock())
    assert [free.take("shop", 0.5) for _ in range(2)] == [0.0, 2.0]


def test_a_second_of_the_rate_is_the_burst_unless_it_is_named() -> None:
    rates = Rates(2.5, None, Clock())
    assert [rates.take("shop") for _ in range(4)] == [0.0, 0.0, 0.0, 0.4]
