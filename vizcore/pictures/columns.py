"""How many pictures stand beside each other, so that none is left alone in the last row."""

from __future__ import annotations


def lonely(count: int, columns: int) -> bool:
    """Whether ``count`` pictures in so many ``columns`` leave one alone in the last of several rows."""
    return count > columns > 1 and count % columns == 1


def columns(count: int, fit: int, wider: int | None = None) -> int:
    """The number of columns near ``fit`` for ``count`` pictures, ``fit`` itself where one row holds them all.

    Of one column less (two at least), as many as fit, and up to ``wider`` (one more unless given), those without a
    lonely picture in the last row count; of these those with the fewest empty places there, of these the nearest to
    ``fit``, and of two the larger one. Where every one leaves a picture alone it is ``fit``: see :func:`lonely`.
    Raises ValueError below 1.
    """
    if count < 1 or fit < 1:
        raise ValueError(f"count and fit are {count} and {fit}; accepted: at least 1.")
    if count <= fit or fit == 1:
        return fit
    most = fit + 1 if wider is None else max(fit, wider)
    able = [one for one in range(max(2, fit - 1), most + 1) if not lonely(count, one)]
    return min(able, key=lambda one: (-count % one, abs(one - fit), -one), default=fit)
