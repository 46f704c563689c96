"""Reads numbers, money, percentages and counts of things out of English text.

``numeral`` reads a bare number in digits or words; ``read_number`` adds what makes it an amount (currency, "k", "%"). Durations
are in ``read_relative``, digits that name something in ``read_ids``.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from gen.values.read_span import Hit, any_of, before

SMALL = {
    word: n
    for n, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
} | {"oh": 0, "fourty": 40, "ninty": 90}
SMALL |= {word: 10 * n for n, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2)}
LARGE = {"thousand": 1_000, "million": 1_000_000}
NUMBER_WORDS = frozenset(SMALL) - {"oh"} | {"hundred", "thousand", "million"}

CURRENCY_SIGNS = {"€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY", "₹": "INR"}
_NATIONS = {"a": "AUD", "au": "AUD", "c": "CAD", "ca": "CAD", "nz": "NZD", "hk": "HKD", "s": "SGD"}  # before the $
CURRENCY_WORDS = {
    "EUR": ("eur", "euro", "euros"),
    "GBP": ("gbp", "pound", "pounds", "quid", "sterling", "pounds sterling"),
    "USD": ("usd", "dollar", "dollars", "buck", "bucks", "us dollars", "us dollar"),
    "CAD": ("cad", "canadian dollars", "canadian dollar"),
    "AUD": ("aud", "australian dollars", "australian dollar", "aussie dollars"),
    "NZD": ("nzd", "new zealand dollars", "kiwi dollars"),
    "SGD": ("sgd", "singapore dollars"),
    "HKD": ("hkd", "hong kong dollars"),
    "CHF": ("chf", "francs", "franc", "swiss francs", "swiss franc"),
    "JPY": ("jpy", "yen"),
    "SEK": ("sek", "kronor", "krona", "swedish kronor"),
    "NOK": ("nok", "norwegian kroner", "norwegian krone"),
    "DKK": ("dkk", "kroner", "krone", "danish kroner"),
    "PLN": ("pln", "zloty", "zlotys", "zł"),
    "CZK": ("czk", "koruna", "korunas"),
    "HUF": ("huf", "forint", "forints"),
    "INR": ("inr", "rupee", "rupees"),
    "CNY": ("cny", "yuan", "rmb"),
    "MXN": ("mxn", "peso", "pesos"),
    "BRL": ("brl", "reais"),
    "ZAR": ("zar", "rand"),
}
CURRENCY_OF = {word: code for code, words in CURRENCY_WORDS.items() for word in words}
CODES = frozenset(code.lower() for code in CURRENCY_WORDS)

_SCALE = {
    "k": 1000, "grand": 1000, "thousand": 1000, "m": 1_000_000, "mn": 1_000_000, "mil": 1_000_000, "million": 1_000_000,
    "hundred": 100, "dozen": 12,
}  # fmt: skip
_COUNTS = {
    "couple": "2", "pair": "2", "dozen": "12", "both": "2", "twice": "2", "once": "1", "thrice": "3", "single": "1", "half": "0.5",
    "solo": "1", "alone": "1", "grand": "1000",
}  # fmt: skip
COUNT_WORDS = frozenset(_COUNTS) - {"grand"} | {"fiver", "tenner"}

_W = rf"(?:{any_of(SMALL.keys() | LARGE.keys() | {'hundred'})})\b"
_WORDS = re.compile(rf"(?:an?\s+(?=hundred|thousand|million))?{_W}(?:(?:(?<=hundred)|(?<=thousand)|(?<=million))\s+and\s+{_W}|[\s-]{_W})*")
_DIGITS = re.compile(
    r"[0-9]{1,3}([,.'’])[0-9]{3}(?:\1[0-9]{3})*(?:(?!\1)[.,][0-9]{1,2})?(?![0-9]|[.,][0-9])"
    r"|[0-9]{1,3}(?:[ \u00a0\u202f][0-9]{3})+(?:[.,][0-9]{1,2})?(?![\w€$£]|[.,][0-9])"
    r"|[0-9]+(?:[.,][0-9]+)?(?![.,][0-9])"
)
_SPACES = str.maketrans("", "", " \u00a0\u202f'’")
_DIGIT_WORD = rf"(?:{any_of(word for word, n in SMALL.items() if n < 10)})\b"
_POINT = re.compile(rf"\s+point\s+(?P<digits>{_DIGIT_WORD}(?:[\s-]{_DIGIT_WORD})*)")
_AND_A_HALF = re.compile(r"\s+and\s+a\s+half\b|\s?½|\s1/2(?![0-9/])")
_UNIT = re.compile(
    r"\s?(?P<percent>%|percent\b|per\s?cent\b|pct\b)"
    rf"|\s?(?P<scale>(?:{any_of(_SCALE)})\b)"
    r"|\s?(?P<cents>(?:cents?|pence|p|ct|cts)\b|¢)"
    r"|(?P<other>x|×|h|kg|g|ml|cl|l|km|cm|mm|mb|gb|pcs?|pp|pax)\b"
)
_CURRENCY = re.compile(rf"\s?(?:(?P<sign>[{''.join(CURRENCY_SIGNS)}])(?![0-9])|-?(?P<word>{any_of(CURRENCY_OF)})\b)")
_CENTS = re.compile(r"\s+(?:and\s+|,\s*)?(?=[a-z0-9])")
_BEFORE_CENTS = (" and ", *CURRENCY_SIGNS)
_CENTS_BEHIND = re.compile(
    rf"\s+and\s+(?P<cents>[0-9]{{1,2}})\s?(?:cents?|pence)\b|(?P<sign>[{''.join(CURRENCY_SIGNS)}])(?P<more>[0-9]{{2}})(?![0-9.,])"
)
_CENT_WORD = re.compile(r"\s?(?:cents?|pence|p|c)\b")
_CLOSED = re.compile(r"\s*(?:[,.!?;)]|$)")
_COUNTED = re.compile(r"\s*(?:[a-z]+s\b|percent\b|people\b|of\b|x\b|[:/%€£$-])|[.,][0-9]")
_SIGN_BEFORE = re.compile(
    rf"(?:(?<![\w])(?P<minus>[-−]))?\s?(?:(?<!\w)(?P<nation>us|au?|ca?|nz|hk|s))?"
    rf"(?P<sign>[{''.join(CURRENCY_SIGNS)}])\s?$|(?<![\w)])(?P<negative>[-−])$"
)
_CODE_FIRST = re.compile(rf"(?P<word>{any_of(CODES)})\s?(?=[0-9])")
_PRONOUN = re.compile(
    r"(?:\b(?:the|that|this|which|last|first|second|third|another|other|each|every|any|no|right|wrong|old|new|same|next|latest|recent|"
    r"previous|cheaper|cheapest|earlier|later|biggest|bigger|smaller|big|small|only|good|bad|a|my|your)|[0-9](?:st|nd|rd|th)?|[€$£])\s+$"
)
_A_COUNT = re.compile(
    r"(?:an?[\s-]half[\s-](?=dozen)|an?\s+|half[\s-]an?[\s-])?(?P<count>couple|pair|dozen|both|twice|once|thrice|single|solo|alone|half|grand)\b(?:\s+of\b)?"
)
_SLANG = re.compile(r"(?:an?\s+)?(?P<note>fiver|tenner)\b")
_COMPANY = re.compile(
    r"my\s+[a-z]+\s+and\s+(?:i|me|myself)\b|(?:me|myself)\s+(?:and|plus|\+)\s+my\s+(?:(?P<n>[a-z]+|[0-9]{1,2})\s+)?[a-z]+"
    r"|just\s+me\b|(?:by|for)\s+myself\b"
)


class Numeral(NamedTuple):
    """A bare number: what it can mean, where it ends, and its digits if they stand in one piece (they may name something)."""

    values: tuple[Decimal, ...]
    end: int
    digits: str = ""


@lru_cache(maxsize=256)  # several readers ask about the same word
def numeral(low: str, at: int) -> Numeral | None:
    """The number that begins at ``at``, in digits or in words."""
    if at < len(low) and "0" <= low[at] <= "9":
        return _in_digits(low, at)
    found = _WORDS.match(low, at)
    return _in_words(found) if found else None


def _in_digits(low: str, at: int) -> Numeral | None:
    found = _DIGITS.match(low, at)
    if not found:
        return None
    text, end = found.group(), found.end()
    half = _AND_A_HALF.match(low, end)
    if text.isdigit():
        if half:
            return Numeral((Decimal(text) + Decimal("0.5"),), half.end())
        return Numeral((Decimal(text),), end, text)
    return Numeral(amounts(text), end)


def amounts(text: str) -> tuple[Decimal, ...]:
    """What a number with separators can mean: ``"1.250,00"`` is 1250.00, ``"1,250"`` is 1250 or else 1.250."""
    plain = text.translate(_SPACES)
    comma, dot = plain.rfind(","), plain.rfind(".")
    if comma >= 0 and dot >= 0:
        thousands, point = (",", ".") if dot > comma else (".", ",")
        return (Decimal(plain.replace(thousands, "").replace(point, ".")),)
    mark = "," if comma >= 0 else "."
    if plain.count(mark) > 1:
        return (Decimal(plain.replace(mark, "")),)
    head, _, tail = plain.partition(mark)
    decimal = Decimal(f"{head}.{tail}") if tail else Decimal(head)
    if len(tail) != 3 or head.startswith("0") or len(head) > 3:
        return (decimal,)
    whole = Decimal(head + tail)
    return (whole, decimal) if mark == "," else (decimal, whole)


def _in_words(found: re.Match[str]) -> Numeral:
    words = [word for word in re.split(r"[\s-]+", found.group()) if word not in ("and", "a", "an")]
    numbers = _cardinals(words)
    end = found.end()
    if found.string.startswith(" point ", end) and len(numbers) == 1 and (point := _POINT.match(found.string, end)):
        digits = "".join([str(SMALL[word]) for word in re.split(r"[\s-]", point["digits"])])
        return Numeral((Decimal(f"{numbers[0]}.{digits}"),), point.end())
    if len(numbers) == 1:
        half = _AND_A_HALF.match(found.string, end)
        if half:
            return Numeral((numbers[0] + Decimal("0.5"),), half.end())
        return Numeral((Decimal(numbers[0]),), end)
    if all(n < 10 for n in numbers):
        digits = "".join(map(str, numbers))
        extra = (Decimal(f"{digits[0]}.{digits[1:]}"),) if len(digits) == 3 else ()
        return Numeral((Decimal(digits), *extra), end, digits if len(digits) > 2 else "")
    if len(numbers) == 2 and 10 <= numbers[1] < 100:
        return Numeral((Decimal(f"{numbers[0]}.{numbers[1]}"), Decimal(numbers[0] * 100 + numbers[1])), end)
    if len(numbers) == 3 and numbers[1] == 0 and numbers[2] < 10:
        return Numeral((Decimal(f"{numbers[0]}.0{numbers[2]}"), Decimal(numbers[0] * 100 + numbers[2])), end)
    return Numeral(tuple(map(Decimal, numbers)), end)


def _cardinals(words: list[str]) -> list[int]:
    """Cuts a run of number words where no single number can go on: forty two ten → 42, 10; one hundred fifty → 150."""
    numbers: list[int] = []
    total, current, room = 0, -1, 0  # current -1: nothing said since the last scale; room: what may still be added to current
    for word in words:
        if word in LARGE:
            total, current, room = total + (current if current > 0 else 1) * LARGE[word], -1, 1000
            continue
        if word == "hundred":
            current, room = (current if current > 0 else 1) * 100, 100
            continue
        n = SMALL[word]
        if current < 0:
            current = n
        elif 0 < n < room:
            current += n
        else:
            numbers.append(total + current)
            total, current = 0, n
        room = 10 if n >= 20 else 0
    return [*numbers, total + max(current, 0)]


def read_number(low: str, at: int, today: date) -> Hit | None:
    """A number with what belongs to it: currency before or behind, cents, "k", "%"."""
    number = numeral(low, at)
    if number is None or (low.startswith("one", at) and number.values[0] == 1 and before(low, at, _PRONOUN)):
        return None
    sign = before(low, at, _SIGN_BEFORE)
    currency = (_NATIONS.get(sign["nation"] or "") or CURRENCY_SIGNS[sign["sign"]]) if sign and sign["sign"] else None
    start = sign.start() + (low[sign.start()] == " ") if sign else at
    values, end = number.values, number.end
    if low[at - 1 : at] == "." and at and number.digits and low[at - 2 : at - 1] in ("", " ", "(", *CURRENCY_SIGNS):
        values = (Decimal(f"0.{number.digits}"), *values)  # .50
    unit = _UNIT.match(low, end)
    if unit and unit["percent"]:
        return Hit("percent", at, unit.end(), tuple(v for n in values for v in (n, n / 100)))
    if unit and unit["scale"]:
        values, end, unit = tuple(n * _SCALE[unit["scale"]] for n in values), unit.end(), None
    elif unit and unit["cents"] and currency is None:
        return Hit("money", at, unit.end(), (values[0] / 100, values[0]), "GBP" if unit["cents"] in ("p", "pence") else None)
    elif unit and unit["other"]:
        return Hit("number", at, unit.end(), (*values, values[0] * 60) if unit["other"] == "h" else values)
    if low.startswith(_BEFORE_CENTS, end) and number.digits and (cents := _CENTS_BEHIND.match(low, end)):
        values, end = (values[0] + Decimal(cents["cents"] or cents["more"]) / 100,), cents.end()
        return Hit("money", start, end, values, currency or CURRENCY_SIGNS.get(cents["sign"] or ""))
    if currency is None and (money := _CURRENCY.match(low, end)):
        values, end, currency = _with_cents(low, money, values)
    elif end < len(low) and low[end].isalnum():
        return None
    if sign and (sign["minus"] or sign["negative"]):
        values = tuple(v for n in values for v in (-n, n))
    return Hit("money" if currency else "number", start, end, values, currency)


def _with_cents(low: str, money: re.Match[str], values: tuple[Decimal, ...]) -> tuple[tuple[Decimal, ...], int, str]:
    """42 euros (and ten cents), 42 euros 10."""
    currency = CURRENCY_SIGNS[money["sign"]] if money["sign"] else CURRENCY_OF[money["word"]]
    gap = _CENTS.match(low, money.end())
    cents = numeral(low, gap.end()) if gap else None
    if gap is None or cents is None or not cents.values[0] < 100 or cents.values[0] % 1 or values[0] % 1:
        return values, money.end(), currency
    word = _CENT_WORD.match(low, cents.end)
    if word is None and ("and" in gap.group() or "," in gap.group() or cents.values[0] < 10 or _COUNTED.match(low, cents.end)):
        return values, money.end(), currency
    if word is None and not _CLOSED.match(low, cents.end):  # 52 dollars 50 purchase; or it may be 50 purchases
        return tuple(v for n in values for v in (n + cents.values[0] / 100, n)), cents.end, currency
    return tuple(n + cents.values[0] / 100 for n in values), word.end() if word else cents.end, currency


def read_coded(low: str, at: int, today: date) -> Hit | None:
    """``EUR 42.10``."""
    code = _CODE_FIRST.match(low, at)
    hit = read_number(low, code.end(), today) if code else None
    if code is None or hit is None:
        return None
    return Hit("money", at, hit.end, hit.values, code["word"].upper())


def read_count(low: str, at: int, today: date) -> Hit | None:
    """a couple of, half a dozen, both, twice, a grand, a tenner."""
    if slang := _SLANG.match(low, at):
        return Hit("money", at, slang.end(), (Decimal(5 if slang["note"] == "fiver" else 10),), "GBP")
    found = _A_COUNT.match(low, at)
    if found is None:
        return None
    value = Decimal(_COUNTS[found["count"]])
    if found["count"] != "half" and "half" in found.group():
        value /= 2
    money = _CURRENCY.match(low, found.end())
    if money is None:
        return Hit("number", at, found.end(), (value,))
    values, end, currency = _with_cents(low, money, (value,))
    return Hit("money", at, end, values, currency)


def read_company(low: str, at: int, today: date) -> Hit | None:
    """How many people: my wife and I, me and my two kids, just me."""
    found = _COMPANY.match(low, at)
    if found is None:
        return None
    if found.group().startswith(("just", "by", "for")):
        return Hit("number", at, found.end(), (Decimal(1),))
    others = numeral(low, found.start("n")) if found["n"] else None
    return Hit("number", at, found.end(), (Decimal(1) + (others.values[0] if others else 1),))
