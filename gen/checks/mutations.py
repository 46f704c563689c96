"""Corruptions of a good conversation, one small function for each kind: what the rules must catch.

``mutation(conversation, dice)`` gives a corrupted copy, or None where there is nothing of its kind to corrupt. They know the
wire form and nothing of the rules, so that a rule cannot be tuned to them unseen. ``HARMLESS`` changes nothing that matters and
must pass. ``self_test.py`` applies them.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gen.checks.values import value_key, walk
from gen.conversation import Conversation, JsonObject, Message, ToolCall
from gen.dice import Dice

Mutation = Callable[[Conversation, Dice], Conversation | None]
Place = tuple[int, int]
"""The index of a message and of a call in it."""

_ID = re.compile(r"(?<!\w)([A-Z]{1,4}-?)(\d{2,})(?!\w)", re.ASCII)
_MONTHS = "January February March April May June July August September October November December".split()
_MONTH = rf"(?:{'|'.join(_MONTHS)})"
_SPOKEN_DATE = re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?( (?:of )?{_MONTH}\b)|\b({_MONTH} )(\d{{1,2}})(?!\d)")
_AMOUNT = re.compile(r"(?<=[€£$])\d+(?:\.\d{2})?(?![\d,.]*\d)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_STATES = ("failed", "cancelled")
"""What a state can always be turned into."""


def _calls(conversation: Conversation) -> list[Place]:
    return [(m, c) for m, message in enumerate(conversation.messages) for c in range(len(message.tool_calls))]


def _call(conversation: Conversation, place: Place) -> ToolCall:
    return conversation.messages[place[0]].tool_calls[place[1]]


def _with_message(conversation: Conversation, index: int, **changes: Any) -> Conversation:
    messages = list(conversation.messages)
    messages[index] = replace(messages[index], **changes)
    return replace(conversation, messages=tuple(messages))


def _with_call(conversation: Conversation, place: Place, **changes: Any) -> Conversation:
    calls = list(conversation.messages[place[0]].tool_calls)
    calls[place[1]] = replace(calls[place[1]], **changes)
    return _with_message(conversation, place[0], tool_calls=tuple(calls))


def _with_argument(conversation: Conversation, place: Place, name: str, value: Any) -> Conversation:
    return _with_call(conversation, place, arguments={**_call(conversation, place).arguments, name: value})


def _tool(conversation: Conversation, name: str) -> JsonObject:
    for tool in conversation.tools:
        if tool["function"]["name"] == name:
            parameters: JsonObject = tool["function"].get("parameters", {})
            return parameters
    return {}


def _property(conversation: Conversation, place: Place, name: str) -> JsonObject:
    found: JsonObject = _tool(conversation, _call(conversation, place).name).get("properties", {}).get(name, {})
    return found


def _arguments(conversation: Conversation, wanted: Callable[[Any, JsonObject], bool]) -> list[tuple[Place, str, Any]]:
    """The arguments (top level) whose value and schema are as wanted."""
    return [
        (place, name, value)
        for place in _calls(conversation)
        for name, value in _call(conversation, place).arguments.items()
        if wanted(value, _property(conversation, place, name))
    ]


def _last_answer(conversation: Conversation) -> int | None:
    """The index of the last message, where it is an answer after a result."""
    last = len(conversation.messages) - 1
    if last > 0 and conversation.messages[last].role == "assistant" and conversation.messages[last - 1].role == "tool":
        return last
    return None


def wrong_tool(conversation: Conversation, dice: Dice) -> Conversation | None:
    places = _calls(conversation)
    if not places:
        return None
    place = dice.pick(places)
    others = [tool["function"]["name"] for tool in conversation.tools if tool["function"]["name"] != _call(conversation, place).name]
    return _with_call(conversation, place, name=dice.pick(others)) if others else None


def invented_tool(conversation: Conversation, dice: Dice) -> Conversation | None:
    places = _calls(conversation)
    if not places:
        return None
    place = dice.pick(places)
    return _with_call(conversation, place, name=_call(conversation, place).name + "_v2")


def other_enum_value(conversation: Conversation, dice: Dice) -> Conversation | None:
    found = _arguments(conversation, lambda value, schema: len(schema.get("enum", ())) > 1 and value in schema["enum"])
    if not found:
        return None
    place, name, value = dice.pick(found)
    return _with_argument(conversation, place, name, dice.pick([v for v in _property(conversation, place, name)["enum"] if v != value]))


def unknown_enum_value(conversation: Conversation, dice: Dice) -> Conversation | None:
    found = _arguments(conversation, lambda value, schema: "enum" in schema and isinstance(value, str))
    if not found:
        return None
    place, name, value = dice.pick(found)
    return _with_argument(conversation, place, name, value + "_other")


def missing_required(conversation: Conversation, dice: Dice) -> Conversation | None:
    found = [
        (place, name)
        for place in _calls(conversation)
        for name in _tool(conversation, _call(conversation, place).name).get("required", ())
        if name in _call(conversation, place).arguments
    ]
    if not found:
        return None
    place, gone = dice.pick(found)
    return _with_call(conversation, place, arguments={k: v for k, v in _call(conversation, place).arguments.items() if k != gone})


def extra_argument(conversation: Conversation, dice: Dice) -> Conversation | None:
    places = [p for p in _calls(conversation) if _tool(conversation, _call(conversation, p).name).get("additionalProperties") is False]
    return _with_argument(conversation, dice.pick(places), "note", "urgent") if places else None


def wrong_type(conversation: Conversation, dice: Dice) -> Conversation | None:
    found = _arguments(conversation, lambda value, schema: "type" in schema)
    if not found:
        return None
    place, name, value = dice.pick(found)
    return _with_argument(conversation, place, name, [value] if not isinstance(value, list) else {"items": value})


def swapped_arguments(conversation: Conversation, dice: Dice) -> Conversation | None:
    found = []
    for place in _calls(conversation):
        arguments = list(_call(conversation, place).arguments.items())
        found += [
            (place, a, b)
            for i, a in enumerate(arguments)
            for b in arguments[i + 1 :]
            if type(a[1]) is type(b[1]) and not isinstance(a[1], bool) and value_key(a[1]) != value_key(b[1])
        ]
    if not found:
        return None
    place, (first, one), (second, two) = dice.pick(found)
    return _with_call(conversation, place, arguments={**_call(conversation, place).arguments, first: two, second: one})


def invented_id(conversation: Conversation, dice: Dice) -> Conversation | None:
    found = _arguments(conversation, lambda value, schema: _is_id(value))
    if not found:
        return None
    place, name, value = dice.pick(found)
    return _with_argument(conversation, place, name, _other_id(value, dice))


def _other_id(value: str, dice: Dice) -> str:
    digits = re.sub(r"\D", "", value)
    other = digits
    while other == digits:
        other = str(dice.between(1, 9)) + "".join([str(dice.below(10)) for _ in digits[1:]])
    return re.sub(r"\d+", other, value, count=1)


def stale_id(conversation: Conversation, dice: Dice) -> Conversation | None:
    """An id of the same kind that was seen before, of something else."""
    found = []
    for place, name, value in _arguments(conversation, lambda value, schema: _is_id(value)):
        prefix = _ID.sub(r"\1", value)
        seen = {m[0] for message in conversation.messages[: place[0]] for m in _ID.finditer(message.content) if m[1] == prefix}
        found += [(place, name, other) for other in sorted(seen - {value})]
    return _with_argument(conversation, *dice.pick(found)) if found else None


def amount_in_cents(conversation: Conversation, dice: Dice) -> Conversation | None:
    found = _arguments(conversation, lambda value, schema: schema.get("type") == "number" and value != 0)
    if not found:
        return None
    place, name, value = dice.pick(found)
    return _with_argument(conversation, place, name, round(value * 100))


def other_currency(conversation: Conversation, dice: Dice) -> Conversation | None:
    found = _arguments(conversation, lambda value, schema: value in ("EUR", "GBP", "USD", "CHF", "CAD"))
    if not found:
        return None
    place, name, value = dice.pick(found)
    return _with_argument(conversation, place, name, dice.pick([code for code in ("EUR", "GBP", "USD") if code != value]))


def date_off_by_a_day(conversation: Conversation, dice: Dice) -> Conversation | None:
    return _moved_date(conversation, dice, 1 if dice.chance(0.5) else -1)


def date_off_by_a_month(conversation: Conversation, dice: Dice) -> Conversation | None:
    return _moved_date(conversation, dice, 30 if dice.chance(0.5) else -30)


def _moved_date(conversation: Conversation, dice: Dice, days: int) -> Conversation | None:
    found = _arguments(conversation, lambda value, schema: isinstance(value, str) and _DATE.fullmatch(value) is not None)
    if not found:
        return None
    place, name, value = dice.pick(found)
    moved = datetime.date.fromisoformat(value) + datetime.timedelta(days=days)
    return _with_argument(conversation, place, name, moved.isoformat())


def dropped_result(conversation: Conversation, dice: Dice) -> Conversation | None:
    results = [i for i, message in enumerate(conversation.messages) if message.role == "tool"]
    if not results:
        return None
    gone = dice.pick(results)
    return replace(conversation, messages=conversation.messages[:gone] + conversation.messages[gone + 1 :])


def altered_result(conversation: Conversation, dice: Dice) -> Conversation | None:
    """A value of a result that the answer repeats is another one, so that the answer no longer fits."""
    last = _last_answer(conversation)
    if last is None:
        return None
    said = conversation.messages[last].content
    content = conversation.messages[last - 1].content
    earlier = "\n".join([message.content for message in conversation.messages[: last - 1]])
    values = [str(value) for _, _, value in walk(json.loads(content)) if isinstance(value, float) or _is_id(value)]
    found = [text for text in values if text in said and text not in earlier]
    if not found:
        return None
    text = dice.pick(found)
    other = _other_id(text, dice) if _is_id(text) else str(float(text) + 1000)
    return _with_message(conversation, last - 1, content=content.replace(text, other))


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def answer_with_other_number(conversation: Conversation, dice: Dice) -> Conversation | None:
    last = _last_answer(conversation)
    amounts = list(_AMOUNT.finditer(conversation.messages[last].content)) if last is not None else []
    if last is None or not amounts:
        return None
    match = dice.pick(amounts)
    value = float(match[0]) + dice.between(3, 40) + 0.37
    return _spliced(conversation, last, match, f"{value:.2f}")


def answer_with_other_date(conversation: Conversation, dice: Dice) -> Conversation | None:
    last = _last_answer(conversation)
    dates = list(_SPOKEN_DATE.finditer(conversation.messages[last].content)) if last is not None else []
    if last is None or not dates:
        return None
    match = dice.pick(dates)
    day = int(match[1] or match[4])
    other = day + 1 if day < 28 else day - 3
    text = f"{other}{match[2]}" if match[1] else f"{match[3]}{other}"
    return _spliced(conversation, last, match, text)


def answer_with_other_id(conversation: Conversation, dice: Dice) -> Conversation | None:
    last = _last_answer(conversation)
    ids = list(_ID.finditer(conversation.messages[last].content)) if last is not None else []
    if last is None or not ids:
        return None
    match = dice.pick(ids)
    return _spliced(conversation, last, match, _other_id(match[0], dice))


def answer_with_other_state(conversation: Conversation, dice: Dice) -> Conversation | None:
    last = _last_answer(conversation)
    if last is None:
        return None
    result = json.loads(conversation.messages[last - 1].content)
    states = {value.lower() for _, name, value in walk(result) if name in ("status", "state") and isinstance(value, str)}
    answer = conversation.messages[last].content
    said = [m for state in sorted(states) for m in re.finditer(rf"\b{re.escape(state)}\b", answer, re.IGNORECASE)]
    before = " ".join([message.content + " ".join([call.name for call in message.tool_calls]) for message in conversation.messages[:last]])
    others = [state for state in _STATES if state not in states and state[:5] not in before.lower()]
    return _spliced(conversation, last, said[0], dice.pick(others)) if len(said) == 1 and others else None


def _spliced(conversation: Conversation, index: int, match: re.Match[str], text: str) -> Conversation:
    content = conversation.messages[index].content
    return _with_message(conversation, index, content=content[: match.start()] + text + content[match.end() :])


def answer_to_nothing(conversation: Conversation, dice: Dice) -> Conversation | None:
    """The last answer is about something that was never spoken of."""
    last = _last_answer(conversation)
    elsewhere = "Order Z90417 was delivered on 3 January 1998 for €7,301.55."
    return None if last is None else _with_message(conversation, last, content=elsewhere)


def dropped_call(conversation: Conversation, dice: Dice) -> Conversation | None:
    """A call and its result are gone, the rest stays. (A try that failed and was repeated is no loss.)"""
    failed = {m.tool_call_id for m in conversation.messages if m.role == "tool" and m.content.startswith('{"error"')}
    places = [place for place in _calls(conversation) if _call(conversation, place).id not in failed]
    if not places:
        return None
    gone, position = dice.pick(places)
    call = conversation.messages[gone].tool_calls[position]
    kept = tuple([c for c in conversation.messages[gone].tool_calls if c is not call])
    messages = list(conversation.messages)
    messages[gone] = replace(messages[gone], tool_calls=kept)
    messages = [m for m in messages if m.tool_call_id != call.id and (m.content or m.tool_calls)]
    return replace(conversation, messages=tuple(messages))


def repeated_call(conversation: Conversation, dice: Dice) -> Conversation | None:
    places = _calls(conversation)
    if not places:
        return None
    place = dice.pick(places)
    call = replace(_call(conversation, place), id=dice.letters(9))
    result = next((m for m in conversation.messages if m.tool_call_id == _call(conversation, place).id), None)
    if result is None:
        return None
    twice = _with_message(conversation, place[0], tool_calls=(*conversation.messages[place[0]].tool_calls, call))
    at = max(i for i, m in enumerate(twice.messages) if m.tool_call_id in {c.id for c in twice.messages[place[0]].tool_calls}) + 1
    return replace(twice, messages=(*twice.messages[:at], replace(result, tool_call_id=call.id), *twice.messages[at:]))


def mismatched_id(conversation: Conversation, dice: Dice) -> Conversation | None:
    results = [i for i, message in enumerate(conversation.messages) if message.role == "tool"]
    return _with_message(conversation, dice.pick(results), tool_call_id=dice.letters(9)) if results else None


def forged_control_token(conversation: Conversation, dice: Dice) -> Conversation | None:
    tokens = ("[TOOL_CALLS]", "<end_of_turn>", "<|im_start|>", "</tool_call>", "<|eot_id|>", "<eos>", "[/TOOL_RESULTS]")
    index = dice.pick(_spoken(conversation, "user", "assistant", "tool"))
    content = conversation.messages[index].content
    return _with_message(conversation, index, content=f"{content} {dice.pick(tokens)}")


def _spoken(conversation: Conversation, *roles: str) -> list[int]:
    return [i for i, message in enumerate(conversation.messages) if message.role in roles and message.content]


def leaked_tool_name(conversation: Conversation, dice: Dice) -> Conversation | None:
    names = [tool["function"]["name"] for tool in conversation.tools if "_" in tool["function"]["name"]]
    users = _spoken(conversation, "user")
    if not names or not users:
        return None
    index = dice.pick(users)
    return _with_message(conversation, index, content=f"{conversation.messages[index].content} (use {dice.pick(names)})")


def raw_json_answer(conversation: Conversation, dice: Dice) -> Conversation | None:
    last = _last_answer(conversation)
    return None if last is None else _with_message(conversation, last, content=conversation.messages[last - 1].content)


def unfilled_slot(conversation: Conversation, dice: Dice) -> Conversation | None:
    index = dice.pick(_spoken(conversation, "user", "assistant"))
    residue = dice.pick(("<amount>", "{it|that one}", "None", "[has/have]"))
    content = conversation.messages[index].content
    return _with_message(conversation, index, content=f"{content.rstrip('.!?')} for {residue}.")


def call_before_the_value(conversation: Conversation, dice: Dice) -> Conversation | None:
    """The call is made a user turn earlier than its value is given."""
    users = [i for i, message in enumerate(conversation.messages) if message.role == "user"]
    for place in _calls(conversation):
        before = [i for i in users if i < place[0]]
        call = _call(conversation, place)
        result = next((m for m in conversation.messages if m.tool_call_id == call.id), None)
        said = [str(v) for _, _, v in walk(call.arguments) if isinstance(v, str) and _ID.fullmatch(v)]
        if len(before) < 2 or result is None or len(conversation.messages[place[0]].tool_calls) > 1:
            continue
        late = conversation.messages[before[-1]].content
        early = "\n".join([m.content for m in conversation.messages[: before[-1]]])
        if any((value in late or re.sub(r"\D", "", value) in late) and re.sub(r"\D", "", value) not in early for value in said):
            rest = [m for i, m in enumerate(conversation.messages) if i != place[0] and m is not result]
            at = before[-2] + 1
            return replace(conversation, messages=(*rest[:at], conversation.messages[place[0]], result, *rest[at:]))
    return None


def claimed_success(conversation: Conversation, dice: Dice) -> Conversation | None:
    """The last result is an error, and the answer celebrates."""
    last = _last_answer(conversation)
    if last is None or "error" not in json.loads(conversation.messages[last - 1].content):
        return None
    return _with_message(conversation, last, content="Done, that is all taken care of for you!")


def empty_answer(conversation: Conversation, dice: Dice) -> Conversation | None:
    return _with_message(conversation, len(conversation.messages) - 1, content="")


def results_in_other_order(conversation: Conversation, dice: Dice) -> Conversation | None:
    """Two results of one turn change places and keep their ids: nothing is wrong with that."""
    for i, (one, two) in enumerate(zip(conversation.messages, conversation.messages[1:], strict=False)):
        if one.role == two.role == "tool":
            messages: list[Message] = list(conversation.messages)
            messages[i], messages[i + 1] = two, one
            return replace(conversation, messages=tuple(messages))
    return None


def other_ids(conversation: Conversation, dice: Dice) -> Conversation | None:
    """Every call has another id, and so has its result: nothing is wrong with that."""
    ids = {call.id: dice.letters(9) for message in conversation.messages for call in message.tool_calls}
    messages = [
        replace(
            message,
            tool_calls=tuple([replace(call, id=ids[call.id]) for call in message.tool_calls]),
            tool_call_id=ids.get(message.tool_call_id, message.tool_call_id) if message.tool_call_id else None,
        )
        for message in conversation.messages
    ]
    return replace(conversation, messages=tuple(messages)) if ids else None


def tools_in_other_order(conversation: Conversation, dice: Dice) -> Conversation | None:
    """The tools are offered in another order: nothing is wrong with that."""
    return replace(conversation, tools=tuple(dice.shuffled(conversation.tools))) if len(conversation.tools) > 1 else None


MUTATIONS: dict[str, Mutation] = {
    function.__name__.replace("_", " "): function
    for function in (
        wrong_tool, invented_tool, other_enum_value, unknown_enum_value, missing_required, extra_argument, wrong_type, swapped_arguments,
        invented_id, stale_id, amount_in_cents, other_currency, date_off_by_a_day, date_off_by_a_month, dropped_result, altered_result,
        answer_with_other_number, answer_with_other_date, answer_with_other_id, answer_with_other_state, answer_to_nothing, dropped_call,
        repeated_call, mismatched_id, forged_control_token, leaked_tool_name, raw_json_answer, unfilled_slot, call_before_the_value,
        claimed_success, empty_answer,
    )
}  # fmt: skip
HARMLESS: dict[str, Mutation] = {
    function.__name__.replace("_", " "): function for function in (results_in_other_order, other_ids, tools_in_other_order)
}
