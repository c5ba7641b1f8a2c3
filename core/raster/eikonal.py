"""Which seed is nearest, as the crow flies where the way is free: round fronts, no octagons.

Arrival times solve the eikonal equation |grad t| = slowness. Steps from pixel to pixel along a
grid's four or eight directions would give diamonds or octagons; here a front may come from between
two neighbours (Weber et al., "Parallel algorithms for approximation of distance maps on parametric
surfaces", ACM Transactions on Graphics 27, 2008), which is exact for straight fronts.
"""

import numpy as np

Array = np.ndarray

FAR = np.float32(1e9)
HALF_ROOT = np.float32(0.5**0.5)
LEAST_GAIN = np.float32(1e-3)

ROUNDS = 4
"""Most rounds of four sweeps; each goes round a corner more."""


def nearest_seed(seeds: Array, inside: Array, slowness: Array, rounds: int = ROUNDS) -> Array:
    """Give the pixels of each area the seed from which a front arrives first.

    Args:
        seeds: int32 (h, w), >= 0 at seeds, -1 elsewhere.
        inside: int32 (h, w), the area of each pixel, -1 where nothing is to be found; no way
            leads from one area into another.
        slowness: float32 (h, w), above 0, the time for the way across a pixel.
        rounds: most rounds; ways that wind more often than that are not found.

    Returns:
        int32 (h, w): the seed's number, -1 outside and where no front arrived.
    """
    owner = np.where(inside >= 0, seeds, -1).astype(np.int32)
    rows, columns = (np.flatnonzero((inside >= 0).any(axis=axis)) for axis in (1, 0))
    if not len(rows) or not (owner >= 0).any():
        return owner
    place = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    area, slow = inside[place], slowness[place].astype(np.float32)
    time = np.where(owner[place] >= 0, np.float32(0), FAR)
    found, upright, lying = owner[place].copy(), _ways(area), _ways(area.T)
    across = np.ascontiguousarray(slow.T)
    news = np.ones(len(time), bool), np.ones(time.shape[1], bool)
    for _ in range(rounds):
        before = time.copy()
        _sweep(time, found, slow, upright, np.asarray(news[0]))
        turned, owners = np.ascontiguousarray(time.T), np.ascontiguousarray(found.T)
        changed = np.asarray((before > time).any(axis=0))
        _sweep(turned, owners, across, lying, np.logical_or(news[1], changed))
        after, found = np.ascontiguousarray(turned.T), np.ascontiguousarray(owners.T)
        news = (after < time).any(axis=1), np.zeros(time.shape[1], bool)
        time = after
        if not news[0].any():
            break
    owner[place] = found
    return owner


def _ways(area: Array) -> tuple[Array, Array, Array]:
    """Where a way leads on from row i to row i + 1: straight on (h - 1, w), falling to the right
    and to the left (h - 1, w - 1); no way squeezes through between two corners.
    """
    inside = area >= 0
    straight = (area[1:] == area[:-1]) & inside[1:]
    beside = area[:, 1:] == area[:, :-1]
    falling = (area[1:, 1:] == area[:-1, :-1]) & inside[1:, 1:]
    falling &= (straight[:, 1:] & beside[:-1]) | (straight[:, :-1] & beside[1:])
    rising = (area[1:, :-1] == area[:-1, 1:]) & inside[1:, :-1]
    rising &= (straight[:, :-1] & beside[:-1]) | (straight[:, 1:] & beside[1:])
    return straight, falling, rising


def _sweep(
    time: Array, owner: Array, slow: Array, ways: tuple[Array, Array, Array], news: Array
) -> None:
    """Carry times and owners from each row to the next, down and then up again, in place.

    A row without news since it was last carried on is left out.
    """
    straight, falling, rising = ways
    height, again = len(time), news.copy()
    for i in range(height - 1):
        if news[i] and _step(
            time, owner, slow[i + 1], (i, i + 1), straight[i], falling[i], rising[i]
        ):
            news[i + 1] = again[i + 1] = True
    for i in range(height - 1, 0, -1):
        above = i - 1
        lanes = straight[above], rising[above], falling[above]
        if again[i] and _step(time, owner, slow[above], (i, above), *lanes):
            again[above] = True


def _step(
    time: Array,
    owner: Array,
    slow: Array,
    rows: tuple[int, int],
    straight: Array,
    to_right: Array,
    to_left: Array,
) -> bool:
    """Update the row rows[1] from its neighbour rows[0]: whether anything came sooner.

    With t and u the times straight behind a pixel and diagonally behind it, a front from between
    arrives at t + sqrt(s^2 - (t - u)^2), as long as 0 <= t - u <= s / sqrt(2); beyond that, from
    one of the two alone. One formula holds for all three.
    """
    behind, names, goal = time[rows[0]], owner[rows[0]], time[rows[1]]
    if float(behind.min()) >= FAR:
        return False
    ahead = np.where(straight, behind, FAR)
    changed = False
    whole = np.s_[:]
    lanes = ((to_right, np.s_[1:], np.s_[:-1]), (to_left, np.s_[:-1], np.s_[1:]))
    for goes, here, there in lanes if len(behind) > 1 else ((straight, whole, whole),):
        pace, near = slow[here], ahead[here]
        diagonal = np.where(goes, behind[there], FAR) if len(behind) > 1 else near
        leg = pace * HALF_ROOT
        lag = np.clip(near - diagonal, 0, leg)
        arrival = np.minimum(near, diagonal + leg)
        arrival += np.sqrt(pace * pace - lag * lag)
        sooner = arrival < goal[here] - LEAST_GAIN
        if sooner.any():
            name = np.where(lag > 0, names[there], names[here])
            np.copyto(goal[here], arrival, where=sooner)
            np.copyto(owner[rows[1], here], name, where=sooner)
            changed = True
    return changed
