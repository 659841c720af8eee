"""How a parameter declares its default, bounds, step, unit and help, and goes to and from JSON.

A technique's parameters are one frozen dataclass whose fields are made by :func:`number`, :func:`levels`,
:func:`choice` and :func:`flag`. That dataclass is the single source of the sliders, the cache key, the permalink and
the exported JSON, so that the four can never disagree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any, TypeVar


class ParameterError(ValueError):
    """A parameter outside what its technique accepts; the message names it, its value and what would be accepted."""


@dataclass(frozen=True)
class Number:
    """A value in [low, high]; pages move it in multiples of ``step`` from ``low``."""

    low: float
    high: float
    step: float
    label: str
    help: str
    unit: str = ""
    integer: bool = False

    def accepts(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return math.isfinite(value) and self.low <= value <= self.high and (not self.integer or int(value) == value)

    def nearest(self, value: Any) -> float | int:
        """The accepted value closest to ``value`` on the grid of steps. Raises ValueError if it is no number."""
        number_ = _finite(value)
        snapped = self.low + round((min(max(number_, self.low), self.high) - self.low) / self.step) * self.step
        if snapped > self.high + 1e-9:  # the range need not be a whole number of steps
            snapped -= self.step
        return round(snapped) if self.integer else round(snapped, 10)

    @property
    def accepted(self) -> str:
        kind = "a whole number" if self.integer else "a number"
        return f"{kind} from {self.low:g} to {self.high:g}{' ' + self.unit if self.unit else ''}"


@dataclass(frozen=True)
class Levels:
    """A value between the first and the last level; pages offer exactly the levels (for scales over decades)."""

    levels: tuple[float, ...]
    label: str
    help: str
    unit: str = ""

    def accepts(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return math.isfinite(value) and self.levels[0] <= value <= self.levels[-1]

    def nearest(self, value: Any) -> float:
        number_ = _finite(value)
        return min(self.levels, key=lambda level: (abs(level - number_), level))

    @property
    def accepted(self) -> str:
        return f"a number from {self.levels[0]:g} to {self.levels[-1]:g}{' ' + self.unit if self.unit else ''}"


@dataclass(frozen=True)
class Choice:
    """One of a few named options; the stored value is the option's stable id, never its label.

    ``before`` is what held while there was no such choice, where that is not the default: links and exports of then,
    which do not name it, keep their meaning.
    """

    options: tuple[str, ...]
    label: str
    help: str
    before: str | None = None

    def accepts(self, value: Any) -> bool:
        return value in self.options

    def nearest(self, value: Any) -> str:
        if value not in self.options:
            raise ValueError(value)
        return str(value)

    @property
    def accepted(self) -> str:
        return "one of " + ", ".join(self.options)


@dataclass(frozen=True)
class Flag:
    """On or off."""

    label: str
    help: str

    def accepts(self, value: Any) -> bool:
        return isinstance(value, bool)

    def nearest(self, value: Any) -> bool:
        known = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
        if not isinstance(value, (bool, str)) or value not in known:
            raise ValueError(value)
        return known[value]

    @property
    def accepted(self) -> str:
        return "true or false"


Spec = Number | Levels | Choice | Flag
P = TypeVar("P")


def number(default: float, low: float, high: float, step: float, *, label: str, help: str, unit: str = "") -> Any:
    """A dataclass field holding a number in [low, high]; whole where default, bounds and step all are ints."""
    integer = all(isinstance(value, int) for value in (default, low, high, step))
    return field(default=default, metadata={"spec": Number(low, high, step, label, help, unit, integer)})


def levels(default: float, values: tuple[float, ...], *, label: str, help: str, unit: str = "") -> Any:
    """A dataclass field holding a number offered at given, rising levels."""
    return field(default=default, metadata={"spec": Levels(tuple(sorted(values)), label, help, unit)})


def choice(default: str, options: tuple[str, ...], *, label: str, help: str, before: str | None = None) -> Any:
    """A dataclass field holding the id of one option; ``before`` as in :class:`Choice`."""
    return field(default=default, metadata={"spec": Choice(options, label, help, before)})


def flag(default: bool, *, label: str, help: str) -> Any:
    """A dataclass field holding on or off."""
    return field(default=default, metadata={"spec": Flag(label, help)})


def specs(technique: type) -> dict[str, Spec]:
    """The declared parameters of a technique's dataclass, in order of declaration."""
    return {f.name: f.metadata["spec"] for f in fields(technique) if "spec" in f.metadata}


def check(params: Any) -> None:
    """Raise :class:`ParameterError` for the first parameter outside its bounds; call it from ``__post_init__``."""
    for name, spec in specs(type(params)).items():
        value = getattr(params, name)
        if not spec.accepts(value):
            raise ParameterError(f"{type(params).__name__}.{name} is {value!r}; accepted: {spec.accepted}.")


def to_json(params: Any) -> dict[str, Any]:
    """The parameters as plain JSON values, every one of them, defaults included."""
    return asdict(params)


@dataclass(frozen=True)
class Complaint:
    """What was wrong with one value from outside, and what was taken in its place."""

    name: str
    given: str
    taken: Any
    accepted: str

    def __str__(self) -> str:
        return f"{self.name} cannot be {self.given!r} (accepted: {self.accepted}); {self.taken} was taken instead."


def from_json(technique: type[P], values: Mapping[str, Any], base: P | None = None) -> tuple[P, list[Complaint]]:
    """Parameters from untrusted values: numbers are clamped and snapped, nonsense falls back to the default.

    What is not named has its default, too, which is that of ``base`` where there is one, unless it had another
    meaning before there was such a choice.
    Every repair is reported as a :class:`Complaint`; names that the technique does not know are ignored, because a
    permalink also carries the picture and the network. Never raises on any mapping of names to values.
    """
    taken: dict[str, Any] = {}
    complaints: list[Complaint] = []
    usual = {f.name: f.default for f in fields(technique) if f.default is not MISSING}  # type: ignore[arg-type]
    defaults: dict[str, Any] = usual if base is None else {name: getattr(base, name) for name in usual}
    for name, spec in specs(technique).items():
        if name not in values:
            taken |= unnamed(name, spec)
            continue
        given = values[name]
        try:
            taken[name] = spec.nearest(given)
        except (ValueError, TypeError, OverflowError):
            taken[name] = defaults[name]
        if not _same(given, taken[name]):
            complaints.append(Complaint(name, str(given)[:40], taken[name], spec.accepted))
    return technique(**taken) if base is None else replace(base, **taken), complaints  # type: ignore[type-var]


def unnamed(name: str, spec: Spec) -> dict[str, str]:
    """What a parameter had that a link or an export does not name, by its name; nothing where that is its default."""
    before = spec.before if isinstance(spec, Choice) else None
    return {} if before is None else {name: before}


def _finite(value: Any) -> float:
    result = float(value)
    if not math.isfinite(result):
        raise ValueError(value)
    return result


def _same(given: Any, taken: Any) -> bool:
    if isinstance(taken, bool):
        return str(given).lower() in {str(taken).lower(), str(int(taken))}
    if isinstance(taken, (int, float)):
        try:
            return math.isclose(float(given), taken, rel_tol=1e-9, abs_tol=1e-12)
        except (ValueError, TypeError, OverflowError):
            return False
    return str(given) == taken
