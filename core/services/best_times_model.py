"""What weekday and hour have to do with a number: an honest estimate for each of the week's 168 hours. No database.

Each hour's value is drawn towards what its weekday and its hour of day say, and those towards the overall mean, the
more the less is known (empirical Bayes with three normal levels; the spread of each is estimated by moments, and taken
to be at least `LEAST`: one good hour among 168 hardly moves a moment, and must not be drawn away altogether). Whether
any hour really stands out is asked of the data themselves: the same fit to data whose times were dealt at random says
how far the best hour stands out by chance. An hour counts only where it beats that, so noise passes with a probability
of at most `SURE`, however many hours are looked at. docs/best-time.md tells it at length.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

HOURS = 168  # of a week; 0 is Monday, 0:00 to 0:59
ROUNDS = 399  # random deals
TRIED = 3  # posts at an hour, before anything is claimed of it
SURE = 0.025  # how often noise may pass for a best time
LIKELY = 0.20  # … and for one that is worth a try beside a sure one
LEAST = 0.2  # hours are expected to differ by about a fifth
SEED = 20
Z90 = 1.645


@dataclass(frozen=True)
class Fit:
    """The week: `effect` relative to the mean (0.34: a third more), `sd` of it, `z`, and `count` of what is behind it.

    `sure` and `likely` are how large the largest z of noise gets. All are lists of 168.
    """

    effect: tuple[float, ...]
    sd: tuple[float, ...]
    z: tuple[float, ...]
    count: tuple[int, ...]
    sure: float
    likely: float

    @property
    def tells(self) -> bool:
        """Whether any hour does better than chance would."""
        return max(self.z) > self.sure


def fit_values(hours: list[int], values: list[float], rounds: int = ROUNDS, seed: int = SEED) -> Fit:
    """Of single values (posts), each with its hour of the week. They are exchangeable: dealt one by one."""
    import numpy as np

    chance = np.random.default_rng(seed)
    seen = np.asarray(values, dtype=float)
    dealt = chance.permuted(np.tile(seen, (rounds, 1)), axis=1)
    places = np.zeros((len(hours), HOURS))
    places[np.arange(len(hours)), hours] = 1.0
    return _fit(np.vstack([seen, dealt]) @ places, places.sum(axis=0), float(seen.mean()), float(seen.var()), TRIED)


def fit_days(weekdays: list[int], counts: list[list[float]], rounds: int = ROUNDS, seed: int = SEED) -> Fit:
    """Of days of 24 counts. Busy days and long evenings hang together, so whole days are dealt, and turned round the
    clock: what is left is what chance does with days as busy and as bursty as these."""
    import numpy as np

    chance = np.random.default_rng(seed)
    seen = np.asarray(counts, dtype=float)
    days = len(weekdays)
    order = np.argsort(chance.random((rounds, days)), axis=1)
    turned = (np.arange(24)[None, None, :] + chance.integers(0, 24, (rounds, days, 1))) % 24
    dealt = seen[order[:, :, None], turned]
    week = np.zeros((days, 7))
    week[np.arange(days), weekdays] = 1.0
    everything = np.concatenate([seen[None], dealt])
    sums = np.einsum("rdh,dw->rwh", everything, week).reshape(rounds + 1, HOURS)
    return _fit(sums, np.repeat(week.sum(axis=0), 24), float(seen.mean()), float(seen.var()))


def _fit(sums: "Array", count: "Array", mean: float, variance: float, tried: int = 1) -> Fit:
    """`sums` of the values in each hour, a row a deal; the first row is what was seen."""
    import numpy as np

    if not mean > 0 or not variance > 0:
        flat = (0.0,) * HOURS
        return Fit(flat, flat, flat, tuple(int(n) for n in count), 0.0, 0.0)
    effect, spread = _estimates(sums, count, mean, variance)
    z = np.divide(effect, np.sqrt(spread), out=np.zeros_like(effect), where=spread > 0)
    z = np.where(count >= tried, z, 0.0)  # where hardly anything was tried, nothing is claimed
    best = z[1:].max(axis=1)
    return Fit(
        tuple((effect[0] / mean).tolist()),
        tuple((np.sqrt(spread[0]) / mean).tolist()),
        tuple(z[0].tolist()),
        tuple(int(n) for n in count),
        float(np.quantile(best, 1 - SURE, method="higher")),
        float(np.quantile(best, 1 - LIKELY, method="higher")),
    )


def _estimates(sums: "Array", count: "Array", mean: float, variance: float) -> tuple["Array", "Array"]:
    """(deviation from the mean, variance of that) of each hour of each deal."""
    import numpy as np

    rows = sums.shape[0]
    grid, there = (sums - mean * count).reshape(rows, 7, 24), count.reshape(7, 24)
    least = (LEAST * mean) ** 2
    of_day, day_spread = _drawn(grid.sum(axis=2), there.sum(axis=1), variance, least)
    of_hour, hour_spread = _drawn(grid.sum(axis=1), there.sum(axis=0), variance, least)
    both = (of_day[:, :, None] + of_hour[:, None, :]).reshape(rows, HOURS)
    rest, rest_spread = _drawn(grid.reshape(rows, HOURS) - both * count, count, variance, least)
    spread = (day_spread[:, :, None] + hour_spread[:, None, :]).reshape(rows, HOURS) + rest_spread
    return both + rest, np.asarray(spread)


def _drawn(sums: "Array", count: "Array", variance: float, least: float) -> tuple["Array", "Array"]:
    """Group means drawn towards 0, and the variance of each, given sums of deviations.

    The true variance between groups is what is seen beyond that of chance (as DerSimonian and Laird do), or `least`.
    """
    import numpy as np

    total, groups = count.sum(), (count > 0).sum()
    means = np.divide(sums, count, out=np.zeros_like(sums), where=count > 0)
    between = (count * means**2).sum(axis=1) - (groups - 1) * variance
    scale = max(total - (count**2).sum() / total, 1e-9)
    true = np.maximum(between / scale, least)[:, None]
    weight = true * count / (true * count + variance)
    return weight * means, true * (1 - weight)
