"""A value as people say it, by type and voice, and as the assistant states it.

The only module of the ``speak`` family that the stages below import. What is said is always true and lets a careful
listener find the exact value again; nothing here reads values back, and ``gen.values.read`` shares no table with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from gen.dice import Dice
from gen.values.speak_dates import say_date, say_on, say_period, state_date, state_date_short
from gen.values.speak_money import say_money, state_money
from gen.values.speak_voice import ASSISTANT, Form, Table, Voice, cardinal, manner, table

__all__ = [
    "ASSISTANT",
    "Voice",
    "say_date",
    "say_id",
    "say_integer",
    "say_list",
    "say_money",
    "say_on",
    "say_period",
    "say_text",
    "say_time",
    "state_count",
    "state_date",
    "state_date_short",
    "state_integer",
    "state_money",
    "state_time",
]

SHORT_ID = 6
"""Ids of more characters than this are only said whole."""

_NUMBERED_ID = re.compile(r"([A-Za-z]{1,3})([0-9]{2,})")
_CLOCK_MINUTES = {5: "five", 10: "ten", 15: "quarter", 20: "twenty", 25: "twenty-five", 30: "half"}


def say_integer(n: int, voice: Voice, dice: Dice) -> str:
    """A number: "2" or "two"; words up to twenty as the voice likes, round numbers up to a hundred seldom."""
    rate = 0.25 + 0.75 * voice.words if 0 <= n <= 10 else voice.words if 0 <= n <= 20 else 0.4 * voice.words
    if dice.chance(rate) and (0 <= n <= 20 or (n <= 100 and n % 10 == 0 and n > 0)):
        return cardinal(n)
    return f"{n:,}" if n >= 10_000 or (n >= 1000 and voice.casual < 0.5) else str(n)


def say_id(identifier: str, voice: Voice, dice: Dice) -> str:
    """An id: "T1001", "t1001", "1001", "T-1001", "#1001". Long ids, and such as are no letters and a number, only whole."""
    numbered = _NUMBERED_ID.fullmatch(identifier) if len(identifier) <= SHORT_ID else None
    drawn = dice.random()
    if numbered is None:
        return identifier.lower() if voice.lower or drawn < 0.25 * voice.casual else identifier
    letters, number = numbered.groups()
    casual = voice.casual
    partial = len(number) >= 3
    if partial and drawn < 0.3 * casual:
        return number
    if partial and 0.3 * casual <= drawn < 0.36 * casual:
        return f"#{number}"
    if voice.lower or drawn > 1 - 0.3 * casual:
        letters = letters.lower()
    return f"{letters}-{number}" if 0.4 <= drawn < 0.4 + 0.05 * casual else f"{letters}{number}"


def say_text(text: str, voice: Voice, dice: Dice) -> str:
    """A name, merchant or street as it is; lower-cased by voices that do so. Draws nothing: the text is not to vary."""
    return text.lower() if voice.lower else text


def say_list(items: Sequence[str], conjunction: str = "and") -> str:
    """ "a", "a and b", "a, b and c"; nothing for no items."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {conjunction} {items[-1]}"


def say_time(hhmm: str, voice: Voice, dice: Dice) -> str:
    """A time of day: "7:30 pm", "half past seven", "19:30", "7.30".

    Without am, pm or part of the day only between 8:00 and 19:59, where "half past seven" is the evening one.
    """
    text = _time_table(hhmm, voice.us, manner(voice)).draw(dice)
    return text.lower() if voice.lower else text


def state_time(hhmm: str) -> str:
    """A time as the assistant states it: "19:30"."""
    hour, minute = _clock(hhmm)
    return f"{hour}:{minute:02}"


def state_integer(n: int) -> str:
    """ "1,250"."""
    return f"{n:,}"


def state_count(n: int) -> str:
    """ "two", "ten", "11": in words up to ten."""
    return cardinal(n) if 0 <= n <= 10 else f"{n:,}"


def _clock(hhmm: str) -> tuple[int, int]:
    hour, _, minute = hhmm.partition(":")
    return int(hour), int(minute[:2])


@lru_cache(maxsize=8192)
def _time_table(hhmm: str, us: bool, manner: int) -> Table[str]:
    hour, minute = _clock(hhmm)
    twelve, half = (hour - 1) % 12 + 1, "pm" if hour >= 12 else "am"
    digits = f"{twelve}:{minute:02}"
    forms = [Form(f"{digits} {half}", 5, 2), Form(f"{digits}{half}", 1.5, 4)]
    forms += [Form(f"{digits} {half.upper()}", 3, 0.3)] if us else [Form(f"{hour:02}:{minute:02}", 6, 4)]
    if minute == 0:
        forms += [Form(f"{twelve} {half}", 3, 4), Form(f"{twelve}{half}", 1, 8)]
        forms += {0: [Form("midnight", 6, 6)], 12: [Form("noon", 6, 6), Form("midday", 1 - us, 2 - 2 * us)]}.get(hour, [])
    elif not us:
        forms += [Form(f"{twelve}.{minute:02}{half}", 0.3, 1.5), Form(f"{twelve}.{minute:02} {half}", 0.8, 0.4)]
    forms += _spoken(hour, minute)
    return table(forms, manner)


def _spoken(hour: int, minute: int) -> list[Form[str]]:
    """ "half past seven", with the part of the day where it would not be clear without."""
    phrase = _past_or_to(hour % 12, minute)
    if not phrase:
        return []
    part = "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening" if hour < 21 else "at night"
    forms = [Form(f"{phrase} {part}", 1.5, 1, True)] if hour not in (0, 12) else []
    if 8 <= hour < 20:
        twelve = (hour - 1) % 12 + 1
        forms += [Form(phrase, 2, 5, True), Form(f"{twelve}:{minute:02}", 0.3, 3)]
        if minute >= 10:
            forms += [Form(f"{cardinal(twelve)} {cardinal(minute)}", 0, 2, True), Form(f"{twelve}.{minute:02}", 0, 1)]
    return forms


def _past_or_to(hour: int, minute: int) -> str:
    """The clock read aloud, in steps of five minutes: "ten past seven", "quarter to eight", "seven o'clock"."""
    name, next_name = (cardinal((h - 1) % 12 + 1) for h in (hour, hour + 1))
    if minute == 0:
        return f"{name} o'clock"
    if minute in _CLOCK_MINUTES:
        return f"{_CLOCK_MINUTES[minute]} past {name}"
    to = _CLOCK_MINUTES.get(60 - minute)
    return f"{to} to {next_name}" if to else ""
