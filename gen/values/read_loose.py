"""What a text may say beside the values that the scan finds in it: asked for only where a value was not found there.

Digits that are spelt out or stand in groups (T one double zero one, 10 01), the ends of ids (the one ending in 44), and how many
people are meant by those who are named (me, my wife and two kids).
"""

from __future__ import annotations

import re
from decimal import Decimal

from gen.values.read_numbers import SMALL
from gen.values.read_span import any_of

_MANY = {"double": 2, "triple": 3}
_DIGIT_NAMES = {word: str(n) for word, n in SMALL.items()} | {"o": "0", "nought": "0", "nil": "0"}
_PIECE = rf"(?:{any_of(_DIGIT_NAMES.keys() | _MANY.keys())}|[0-9]+)\b"
_SPELT = re.compile(rf"(?<![\w.,])\(?{_PIECE}\)?(?:(?:[\s.-]|,\s)\s?\(?{_PIECE}\)?)+(?![.,]?[0-9])")
_MONEY_BEHIND = re.compile(r"\s?(?:[€£$%]|(?:eur|euros?|gbp|pounds?|quid|usd|dollars?|bucks|percent|cents?|days|weeks|months|people)\b)")

_ENDING = re.compile(
    r"(?:\bend(?:s|ing)?(?:\s+(?:in|with|on))?|\blast\s+(?:two|three|four|2|3|4)(?:\s+(?:digits|numbers|characters))?(?:\s+(?:are|is|being))?"
    r"|\bfinish(?:es|ing)?\s+(?:in|with|on)|(?:\.{3}|…|[*•x]{2,}))\s*[:=]?\s*[x*•.…-]*(?P<digits>[0-9]{2,8})(?!\w|[.,:/][0-9])"
)
_PEOPLE = (
    r"(?:adults?|kids?|child|children|baby|babies|infants?|toddlers?|friends?|guests?|colleagues?|boys?|girls?|teenagers?|teens?|seniors?|"
    r"parents|sons?|daughters?|brothers?|sisters?|others?|more|couples?)"
)
_COUNT = {word: n for word, n in SMALL.items() if 1 <= n <= 12}
_PERSON = (
    rf"(?:(?P<self>i|me|myself)|(?:my\s+|our\s+)?(?P<n>{any_of(_COUNT)}|[1-9]|1[0-2])\s+(?:(?:other|more|small|young|little)\s+)?(?P<many>{_PEOPLE})"
    r"|(?:my|his|her|our|their|an?|the)\s+(?:(?:own|little|young|old|best)\s+)?(?P<one>[a-z]+)|(?:the\s+)?(?P<plus>one|1))\b"
)
_NAMELESS = re.sub(r"\?P<\w+>", "?:", _PERSON)
_PARTY = re.compile(rf"(?<!\w){_NAMELESS}(?:(?:\s*,\s*(?:and\s+|plus\s+)?|\s+and\s+|\s*&\s*|\s+plus\s+|\s*\+\s*){_NAMELESS})+(?!\w)")
_EACH = re.compile(rf"(?<!\w){_PERSON}")
_A_PERSON = re.compile(
    rf"{_PEOPLE}|wife|husband|partner|spouse|mother|father|mum|mom|dad|girlfriend|boyfriend|fiancée?|cousin|boss|mate|neighbou?r|aunt|uncle|"
    r"nephew|niece|grandma|grandpa|grandmother|grandfather|family|team|assistant|person|client|brother|sister|son|daughter"
)
_HOURS_AND_MINUTES = re.compile(r"(?<!\w)(?P<h>[0-9]{1,2})\s?h\s?(?P<m>[0-5][0-9])(?!\w)")


def spelt_digits(low: str) -> frozenset[str]:
    """Digits that are said one by one, in pairs or in groups, side by side as digits."""
    return frozenset([_digits(found.group()) for found in _SPELT.finditer(low) if not _MONEY_BEHIND.match(low, found.end())])


def _digits(said: str) -> str:
    digits, times, ten = "", 1, False
    for word in re.findall(r"[0-9]+|[a-z]+", said):
        if word in _MANY:
            times = _MANY[word]
            continue
        piece = _DIGIT_NAMES.get(word, word)
        if ten and len(piece) == 1 and piece != "0" and times == 1:
            digits = digits[:-1]  # twenty-one
        digits += piece * times
        times, ten = 1, word.isalpha() and len(piece) == 2 and piece[1] == "0" and piece != "10"
    return digits


def endings(low: str) -> frozenset[str]:
    """The digits in which something is said to end."""
    if not any(sign in low for sign in ("end", "last", "finish", "..", "…", "*", "•", "xx")):
        return frozenset()
    return frozenset([found["digits"] for found in _ENDING.finditer(low)])


def parties(low: str) -> frozenset[Decimal]:
    """How many people are named side by side: my wife and me, two adults and a child."""
    if not any(sign in low for sign in (" and ", " plus ", ",", "&", "+")):
        return frozenset()
    found = [_size(party.group()) for party in _PARTY.finditer(low)]
    return frozenset([Decimal(size) for size in found if size])


def _size(party: str) -> int:
    size, of_people = 0, False
    for each in _EACH.finditer(party):
        if each["one"] and not _A_PERSON.fullmatch(each["one"]):
            return 0
        of_people = of_people or not each["plus"]
        pairs = 2 if (each["many"] or "").startswith("couple") else 1
        size += pairs * (_COUNT.get(each["n"]) or int(each["n"])) if each["n"] else 1
    return size if of_people else 0


def minutes(low: str) -> frozenset[Decimal]:
    """Minutes of what may be a time of day as well: 1h30."""
    return frozenset([Decimal(int(found["h"]) * 60 + int(found["m"])) for found in _HOURS_AND_MINUTES.finditer(low)])
