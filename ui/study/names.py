"""How methods and networks of a study are called; a table from elsewhere may hold ones that are not ours."""

from __future__ import annotations

from ui.frame import network_cache
from ui.texts import t
from vizcore import methods


def method(one: str) -> str:
    """A method's name."""
    return t(f"options.method.{one}") if one in methods.METHODS else one


def network(one: str) -> str:
    """A network's name."""
    return network_cache.title(one) if one in network_cache.names() else one
