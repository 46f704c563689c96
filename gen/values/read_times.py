"""Reads times of day out of English text: 3pm, 15:00, half past three, around seven, noon.

Where morning or evening is not said, both are candidates. A bare number is a time only behind "at", "around" or "@".
"""

from __future__ import annotations

import re
from datetime import date

from gen.values.read_numbers import SMALL
from gen.values.read_span import Hit, any_of, before

_HOURS = {word: n for word, n in SMALL.items() if 1 <= n <= 12}
_MINUTES = {
    "thirty": 30,
    "fifteen": 15,
    "forty-five": 45,
    "forty five": 45,
    "oh five": 5,
    "ten": 10,
    "twenty": 20,
    "forty": 40,
    "fifty": 50,
}
_MINUTES |= {"twenty-five": 25, "fifty-five": 55, "thirty-five": 35, "five": 5, "twenty five": 25}
CLOCK_WORDS = frozenset({"noon", "midday", "midnight", "half", "quarter", "a"}) | {f"{hour}ish" for hour in _HOURS}

_TAIL = (
    r"(?P<tail>\s?(?P<ap>[ap])\.?\s?m\b\.?|\s?o'?\s?clock\b(?:\s(?P<ap3>[ap])\.?m\b)?|-?\s?ish\b|\s?(?P<hrs>h|hrs|hours|uhr)\b)?"
    r"(?P<part>,?\s+(?:in\s+the\s+|this\s+|at\s+|tomorrow\s+|of\s+the\s+)(?P<of>morning|afternoon|evening|night)|\s+(?P<tonight>tonight))?"
)
_DIGITS = re.compile(
    rf"(?:(?P<h>[01]?[0-9]|2[0-4])(?:(?P<sep>[:.h])(?P<m>[0-5][0-9])(?P<s>:[0-5][0-9])?)?|(?P<h4>[01]?[0-9]|2[0-3])(?P<m4>[0-5][0-9]))(?![0-9]){_TAIL}(?!\w)"
)
_WORDS = re.compile(rf"(?P<h>{any_of(_HOURS)})(?:[\s-](?P<m>{any_of(_MINUTES)})\b)?{_TAIL}(?!\w)")
_HOUR = rf"(?P<h>{any_of(_HOURS)}|1[0-2]|[1-9])"
_PAST = re.compile(
    rf"(?:(?P<half>half)(?:\s+past)?|(?P<minutes>a\s+quarter|quarter|five|ten|fifteen|twenty|twenty[\s-]five|5|10|15|20|25)\s+(?:minutes\s+)?"
    rf"(?P<side>past|after|to|before|til|(?<!a quarter )(?<=quarter )of))\s+{_HOUR}(?![\w.,:]*[0-9]){_TAIL}(?!\w)"
)
_QUARTERS = {"quarter": 15, "fifteen": 15, "five": 5, "ten": 10, "twenty": 20, "twenty five": 25, "twenty-five": 25}
_NAMED = re.compile(r"(?:12\s+)?(?P<name>noon|midday|midnight)\b")
_AT = re.compile(r"(?:\b(?:at|around|about|approx|approximately|@|arrive by|pick up at|until about)|@)\s*(?:about\s+|around\s+|like\s+)?$")
_COUNTED = re.compile(
    r"\s*(?:[€£$%x]|[a-z]{2,}s\b(?!\s+(?:sharp))|percent|people"
    r"|point|time|moment|stage|of\s+(?:us|them|the)|k\b|th\b|euro|quid|st\b)"
)
_ISO_TIME = re.compile(r"t(?P<h>[01][0-9]|2[0-3]):(?P<m>[0-5][0-9])(?::[0-5][0-9](?:\.[0-9]+)?)?(?:z\b|[+-][0-9]{2}:?[0-9]{2})?")


def counts_things(low: str, end: int) -> bool:
    """Whether the number that ends here has its own noun or unit: 7 people, 7%, 7 of us."""
    return _COUNTED.match(low, end) is not None


def clock(hour: int, minute: int, half: str = "") -> tuple[str, ...]:
    """``HH:MM`` of an hour said with am or pm (``"a"``, ``"p"``), or both where it is not said."""
    if hour > 12 or hour == 0 or half == "24":
        return (f"{hour % 24:02d}:{minute:02d}",)
    if half:
        return (f"{hour % 12 + (12 if half == 'p' else 0):02d}:{minute:02d}",)
    likely = hour % 12 + (12 if hour < 7 or hour == 12 else 0)
    return (f"{likely:02d}:{minute:02d}", f"{(likely + 12) % 24:02d}:{minute:02d}")


def _half(found: re.Match[str], hour: int) -> str:
    said = found["ap"] or found["ap3"]
    if said:
        return str(said)
    if found["tonight"]:
        return "p"
    part = found["of"]
    if part == "night":
        return "a" if hour in (12, 1, 2, 3, 4) else "p"
    return {"morning": "a", "afternoon": "p", "evening": "p"}.get(part or "", "")


def read_digital(low: str, at: int, today: date) -> Hit | None:
    """3pm, 3.30 pm, 15:00, 15h30, 7ish, 0730 hrs, at 7, 6 in the morning."""
    found = _DIGITS.match(low, at)
    if found is None:
        return None
    said = found["sep"] in (":", "h") or (
        found["tail"] and not (found["hrs"] and not (found["h4"] or found["sep"]) and found["hrs"] != "uhr")
    )
    if not said and not found["part"] and not _placed(low, at, found):
        return None
    hour_text = found["h4"] or found["h"]
    hour, minute = int(hour_text), int(found["m4"] or found["m"] or 0)
    half = _half(found, hour)
    if found["hrs"] or (not half and hour_text.startswith("0")):
        half = "24"
    return Hit("time", at, found.end(), clock(hour, minute, half))


def _placed(low: str, at: int, found: re.Match[str]) -> bool:
    """Whether a bare number stands where a time does: at 7, around 15.00, at 0730; not at 7 euros."""
    if found["h4"] and len(found["h4"]) < 2:
        return False
    return (
        before(low, at, _AT) is not None
        and not _COUNTED.match(low, found.end())
        and low[found.end() : found.end() + 1] not in ("€", "/", "%")
    )


def read_spoken(low: str, at: int, today: date) -> Hit | None:
    """half past three, quarter to six, noon, seven pm, around seven."""
    if named := _NAMED.match(low, at):
        return Hit("time", at, named.end(), ("00:00",) if named["name"] == "midnight" else ("12:00",))
    if (found := _PAST.match(low, at)) and _is_clock(low, at, found):
        return _past(found)
    found = _WORDS.match(low, at)
    if found is None or found["hrs"]:
        return None
    if not found["tail"] and not found["part"] and (not before(low, at, _AT) or _COUNTED.match(low, found.end())):
        return None
    hour = _HOURS[found["h"]]
    minute = _MINUTES[found["m"]] if found["m"] else 0
    return Hit("time", at, found.end(), clock(hour, minute, _half(found, hour)))


def _is_clock(low: str, at: int, found: re.Match[str]) -> bool:
    """Five to ten is a range of things before a plural, and in digits anyway."""
    if found["half"] or found["side"] in ("past", "after") or "quarter" in found["minutes"]:
        return True
    if "minutes " in found.group():
        return True
    if found["minutes"].isdigit() and not found["part"]:
        return False
    return before(low, at, _AT) is not None or not _COUNTED.match(low, found.end())


def _past(found: re.Match[str]) -> Hit:
    hour = _HOURS.get(found["h"]) or int(found["h"])
    half = _half(found, hour)
    minute = 30
    if not found["half"]:
        said = " ".join(found["minutes"].split()).removeprefix("a ")
        minute = _QUARTERS[said] if said in _QUARTERS else int(said)
        if found["side"] in ("to", "before", "til", "of"):
            hour, minute = (hour - 2) % 12 + 1, 60 - minute
    return Hit("time", found.start(), found.end(), clock(hour, minute, half))


def read_iso_time(low: str, at: int, today: date) -> Hit | None:
    """The T15:00 of a timestamp, behind its date."""
    found = _ISO_TIME.match(low, at)
    return Hit("time", at, found.end(), (f"{found['h']}:{found['m']}",)) if found else None


def bare_times(numbers: list[str]) -> frozenset[str]:
    """What bare numbers mean as an answer to "what time?": "7", "15.00", "0730"."""
    times: set[str] = set()
    for text in numbers:
        found = _DIGITS.fullmatch(text) or _WORDS.fullmatch(text)
        if found is None:
            continue
        spoken = found["h"] in _HOURS
        hour_text = "" if spoken else found.groupdict().get("h4") or found["h"]
        hour = _HOURS[found["h"]] if spoken else int(hour_text)
        minutes = found["m"] if spoken else found.groupdict().get("m4") or found["m"]
        minute = _MINUTES[minutes] if spoken and minutes else int(minutes or 0)
        times.update(clock(hour, minute, "24" if hour_text.startswith("0") else ""))
    return frozenset(times)
