"""The order of a shuffled queue: chance, but never two posts of one campaign in a row where that can be avoided.

Nothing here knows posts or times: items are (key, line, campaign). Items of one line may take each other's places,
others may not. Where all are of one line the fewest possible neighbours are guaranteed; else they are sought.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise
from random import Random

Item = tuple[int, Hashable, int | None]
TRIES = 40


def shuffled(items: Sequence[Item], seed: int | None = None) -> list[int]:
    """The keys in their new order. The same seed gives the same order; without one it is chance."""
    chance = Random(seed)  # noqa: S311 - no secret
    if len(items) < 2:
        return [key for key, _, _ in items]
    deal = _dealt if len({line for _, line, _ in items}) == 1 else _traded
    known = [key for key, _, _ in items]
    found = deal(items, chance)
    for _ in range(8):  # people press the button to see another order
        if [key for key, _, _ in found] != known:
            break
        found = deal(items, chance)
    return [key for key, _, _ in found]


def neighbours(items: Sequence[Item]) -> int:
    """How often a campaign follows itself."""
    return sum(one[2] is not None and one[2] == two[2] for one, two in pairwise(items))


def _dealt(items: Sequence[Item], chance: Random) -> list[Item]:
    """One line: deal out item by item, so that what is left can still be laid with the fewest neighbours."""
    # An item without a campaign is like no other: a campaign of its own.
    piles: dict[Hashable, list[Item]] = {}
    for item in items:
        piles.setdefault(("none", item[0]) if item[2] is None else item[2], []).append(item)
    for pile in piles.values():
        chance.shuffle(pile)
    left = Counter({name: len(pile) for name, pile in piles.items()})
    dealt: list[Item] = []
    last: Hashable = None
    while left.total():
        names = [name for name in left if left[name] and name != last] or [name for name in left if left[name]]
        good = [name for name in names if _fits(left, name)] or [max(names, key=lambda name: left[name])]
        last = chance.choices(good, weights=[left[name] for name in good])[0]
        left[last] -= 1
        dealt.append(piles[last].pop())
    return dealt


def _fits(left: Counter[Hashable], name: Hashable) -> bool:
    """Whether the rest can be laid without neighbours after taking one of `name`."""
    rest = left.total() - 1
    if left[name] - 1 > rest // 2:
        return False
    return all(count <= (rest + 1) // 2 for other, count in left.items() if other != name)


def _traded(items: Sequence[Item], chance: Random) -> list[Item]:
    """Several lines: chance within each, then better by trades, from several beginnings."""
    best: list[Item] = list(items)
    fewest: int | None = None
    for _ in range(TRIES):
        tried = _descended(_within_lines(items, chance), chance)
        if fewest is None or neighbours(tried) < fewest:
            best, fewest = tried, neighbours(tried)
        if not fewest:
            break
    return best


def _within_lines(items: Sequence[Item], chance: Random) -> list[Item]:
    places: dict[Hashable, list[int]] = {}
    for place, item in enumerate(items):
        places.setdefault(item[1], []).append(place)
    found = list(items)
    for some in places.values():
        for place, source in zip(some, chance.sample(some, len(some)), strict=True):
            found[place] = items[source]
    return found


def _descended(found: list[Item], chance: Random) -> list[Item]:
    """Trade two of a line as long as that leaves fewer neighbours."""
    count, better = neighbours(found), True
    while count and better:
        better = False
        pairs = [(i, j) for i in range(len(found)) for j in range(i) if found[i][1] == found[j][1]]
        chance.shuffle(pairs)
        for i, j in pairs:
            found[i], found[j] = found[j], found[i]
            now = neighbours(found)
            if now < count:
                count, better = now, True
                break
            found[i], found[j] = found[j], found[i]
    return found
