"""Draw the arguments of a goal: the canonical value for the call, and what the user has to say of it.

One small function for each kind of draw, in the table ``DRAWS``.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any, Protocol

from gen.conversation import Json, JsonObject
from gen.dice import Dice
from gen.environments.filling import draw_money, draw_time, renamed


@dataclass(slots=True)
class Reference:
    """How the user speaks of a row: ``mode`` is "id", "described" (by the columns ``by``) or "again" (it was just spoken of)."""

    entity: str
    row: JsonObject
    id: str
    mode: str = "id"
    by: tuple[str, ...] = ()


@dataclass(slots=True)
class Said:
    """Something that the user says: a value by its kind.

    ``kind`` is money, date, period, time, integer, choice, flag, text, reference, references, choices or values;
    ``value`` is canonical: a period is (start, end), references are ``Reference``s, values a list of ``Said``.
    """

    kind: str
    value: Any
    currency: str = ""


Drawn = tuple[Json, Said]


class NothingFits(Exception):
    """This attempt's plan cannot be made (no row fits, a guard refuses); the slot tries its next attempt."""


class World(Protocol):
    """What draws need of the planner: the day, the person, the subject's row, rows, and references to entities."""

    @property
    def today(self) -> str: ...
    @property
    def me(self) -> JsonObject: ...
    def query(self, sql: str, where: str) -> list[Row]: ...
    def refer(self, entity: str, condition: str, count: int, *, by_id: bool) -> list[Reference]: ...
    def faker(self, method: str, die: Dice) -> Json: ...


Context = tuple[World, Dice, JsonObject, JsonObject]
"""The world, the die, the subject's row ({} where there is none), the parameter's schema."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """How one argument is drawn: by the function of its kind; ``optional`` is the share of requests that say it, None for all."""

    function: Callable[[Mapping[str, Any], Context], Drawn]
    spec: Mapping[str, Any]
    schema: JsonObject
    optional: float | None

    def draw(self, world: World, die: Dice, it: JsonObject) -> Drawn:
        """The argument. Raises NothingFits where the world holds nothing that fits."""
        return self.function(self.spec, (world, die, it, self.schema))


def drawing(spec: Mapping[str, Any], schema: JsonObject) -> Drawing:
    """How an argument of this declaration is drawn; ``schema`` is the parameter's."""
    return Drawing(DRAWS[_kind(spec)], spec, schema, spec.get("optional"))


def _kind(spec: Mapping[str, Any]) -> str:
    return next(key for key in spec if key in DRAWS)


def _choice(spec: Mapping[str, Any], context: Context) -> Drawn:
    _, die, _, schema = context
    options = schema["enum"] if spec["choice"] == "enum" else spec["choice"]
    weights = spec.get("weights", {})
    value = die.weighted({option: float(weights.get(option, 1)) for option in options})
    if "currency" in spec:
        return value, Said("money", value, str(_resolve(spec["currency"], context[0], context[2])))
    return value, Said("choice", value)


def _flag(spec: Mapping[str, Any], context: Context) -> Drawn:
    return spec["flag"], Said("flag", spec["flag"])


def _money(spec: Mapping[str, Any], context: Context) -> Drawn:
    world, die, it, _ = context
    money = spec["money"]
    currency = str(_resolve(money.get("currency", ""), world, it))
    if "share_of" in money:
        whole = _resolve(money["share_of"], world, it)
        share = die.pick((0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75))
        value = round(whole * share, 2)
        value = float(int(value)) if value >= 10 else value
        if value <= 0:
            raise NothingFits("the amount is too small to share")
    else:
        value = draw_money(die, **renamed({k: v for k, v in money.items() if k != "currency"}))
        value = float(round(value / 5) * 5) if value >= 20 and die.chance(0.6) else value
    return value, Said("money", value, currency)


def _integer(spec: Mapping[str, Any], context: Context) -> Drawn:
    value = context[1].between(spec["integer"]["min"], spec["integer"]["max"])
    step = spec["integer"].get("step", 1)
    value -= value % step if step > 1 else 0
    value = max(value, spec["integer"]["min"])
    return value, Said("integer", value)


def _date(spec: Mapping[str, Any], context: Context) -> Drawn:
    world, die, it, _ = context
    date = spec["date"]
    base = datetime.date.fromisoformat(str(_resolve(date["after"], world, it)) if "after" in date else world.today)
    value = (base + datetime.timedelta(days=die.between(date.get("from", 0), date.get("to", 0)))).isoformat()
    return value, Said("date", value)


def _time(spec: Mapping[str, Any], context: Context) -> Drawn:
    value = draw_time(context[1], **renamed(spec["time"]))
    return value, Said("time", value)


def _period(spec: Mapping[str, Any], context: Context) -> Drawn:
    world, die, _, _ = context
    start, end = period(die.pick(spec["period"]), datetime.date.fromisoformat(world.today), die)
    value = [start.isoformat(), end.isoformat()]
    return value, Said("period", (value[0], value[1]))


def period(kind: str, today: datetime.date, die: Dice) -> tuple[datetime.date, datetime.date]:
    """First and last day of a period: last_month, this_month, last_week, this_week, month (one of the last five), days, year."""
    first = today.replace(day=1)
    monday = today - datetime.timedelta(days=today.weekday())
    if kind == "last_month":
        end = first - datetime.timedelta(days=1)
        return end.replace(day=1), end
    if kind == "month":
        end = first
        for _ in range(die.between(1, 4)):
            end = end.replace(day=1) - datetime.timedelta(days=1)
        return end.replace(day=1), end
    if kind == "this_month":
        return first, today
    if kind == "last_week":
        return monday - datetime.timedelta(days=7), monday - datetime.timedelta(days=1)
    if kind == "this_week":
        return monday, today
    if kind == "days":
        return today - datetime.timedelta(days=die.pick((7, 10, 14, 30, 60, 90))), today
    if kind == "year":
        return today.replace(month=1, day=1), today
    raise NothingFits(f"unknown period {kind!r}")


def _entity(spec: Mapping[str, Any], context: Context) -> Drawn:
    reference = context[0].refer(spec["entity"], str(spec.get("where", "1")), 1, by_id=False)[0]
    return reference.id, Said("reference", reference)


def _entities(spec: Mapping[str, Any], context: Context) -> Drawn:
    world, die, it, _ = context
    condition = str(spec.get("of", "1"))
    for column, value in it.items():
        condition = condition.replace(f"it.{column}", f"'{value}'")
    references = world.refer(spec["entities"], condition, die.between(spec.get("min", 1), spec.get("max", 3)), by_id=True)
    return [reference.id for reference in references], Said("references", references)


def _row(spec: Mapping[str, Any], context: Context) -> Drawn:
    world, die, _, _ = context
    rows = world.query(spec["row"], "")
    if not rows:
        raise NothingFits("no row to draw from")
    values = tuple(die.pick(rows))
    said = values[1] if len(values) > 1 else values[0]
    return values[0], Said("integer" if isinstance(said, int) else "text", said)


def _subset(spec: Mapping[str, Any], context: Context) -> Drawn:
    _, die, _, schema = context
    options = schema["items"]["enum"] if spec["subset"] == "enum" else spec["subset"]
    values = die.sample(options, min(die.between(spec.get("min", 1), spec.get("max", 2)), len(options)))
    return values, Said("choices", tuple(values))


def _text(spec: Mapping[str, Any], context: Context) -> Drawn:
    value = context[1].pick(spec["text"])
    return value, Said("text", value)


def _faker(spec: Mapping[str, Any], context: Context) -> Drawn:
    value = context[0].faker(spec["faker"], context[1])
    return value, Said("text", value)


def _object(spec: Mapping[str, Any], context: Context) -> Drawn:
    world, die, it, schema = context
    values: JsonObject = {}
    said = []
    for key, inner in spec["object"].items():
        if isinstance(inner, str):
            values[key] = _resolve(inner, world, it)
            continue
        if "optional" in inner and not die.chance(inner["optional"]):
            continue
        values[key], spoken = DRAWS[_kind(inner)](inner, (world, die, it, schema.get("properties", {}).get(key, {})))
        said.append((key, spoken))
    return values, Said("values", tuple(said))


def _resolve(spec: Any, world: World, it: JsonObject) -> Any:
    if not isinstance(spec, str):
        return spec
    if spec.startswith("it."):
        return it[spec[3:]]
    return world.me[spec[3:]] if spec.startswith("me.") else spec


DRAWS: dict[str, Callable[[Mapping[str, Any], Context], Drawn]] = {
    "choice": _choice,
    "flag": _flag,
    "money": _money,
    "integer": _integer,
    "date": _date,
    "time": _time,
    "period": _period,
    "entity": _entity,
    "entities": _entities,
    "row": _row,
    "subset": _subset,
    "text": _text,
    "faker": _faker,
    "object": _object,
}
