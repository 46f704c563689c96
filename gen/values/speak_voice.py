"""Who speaks, numbers in words, and one weighted draw: what every way of saying a value shares.

Below ``gen.dice``; used by the other ``speak`` modules and by nothing else. It knows no type of value.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, NamedTuple, TypeVar

from gen.dice import Dice

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Voice:
    """How somebody says values.

    Attributes:
        casual: 0 is formal, 1 very casual: shortens, drops symbols and years, relative dates, partial ids.
        words: rate of numbers in words ("forty-two ten", "two") where that is natural.
        lower: writes all in lower case ("t1001", "brightleaf books", "tues").
        us: American forms ("March 10", "3/13") instead of British or European ones ("10 March", "13/3").
    """

    casual: float
    words: float
    lower: bool
    us: bool


ASSISTANT = Voice(casual=0.0, words=0.0, lower=False, us=False)
"""Plain, exact, correct."""


class Form(NamedTuple, Generic[T]):
    """One way to say something: its weight for a formal and for a casual speaker.

    ``worded`` is True for the form in words, False for its twin in digits, None where the difference does not arise.
    """

    how: T
    formal: float
    casual: float
    worded: bool | None = None


class Table(NamedTuple, Generic[T]):
    """Forms that a speaker may use, with the running sums of their weights (the last one apart)."""

    options: tuple[T, ...]
    bounds: tuple[float, ...]
    total: float

    def draw(self, dice: Dice) -> T:
        """One of the options, by weight."""
        return self.options[bisect_right(self.bounds, dice.random() * self.total)]


CASUAL_STEPS = 4
WORDS_STEPS = 4


def manner(voice: Voice) -> int:
    """The voice's rates as one small number, so that tables can be kept by it."""
    return round(voice.casual * CASUAL_STEPS) * (WORDS_STEPS + 1) + round(voice.words * WORDS_STEPS)


def table(forms: Iterable[Form[T]], manner: int) -> Table[T]:
    """The table of these forms for a manner. Forms that such a speaker never uses are left out."""
    casual, words = manner // (WORDS_STEPS + 1) / CASUAL_STEPS, manner % (WORDS_STEPS + 1) / WORDS_STEPS
    share = {None: 1.0, True: words, False: 1.0 - 0.8 * words}
    weighed = [(form.how, (form.formal + (form.casual - form.formal) * casual) * share[form.worded]) for form in forms]
    weighed = [(how, weight) for how, weight in weighed if weight > 0]
    sums = tuple(accumulate(weight for _, weight in weighed))
    return Table(tuple(how for how, _ in weighed), sums[:-1], sums[-1])


_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_BELOW_100 = (*_UNITS, *_TEENS, *(f"{ten}-{unit}" if unit != "zero" else ten for ten in _TENS for unit in _UNITS))
_FIRSTS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_TEENTHS = ("tenth", "eleventh", "twelfth", *(f"{teen}th" for teen in _TEENS[3:]))
_TWENTIETHS = ("twentieth", *(f"twenty-{unit}" for unit in _FIRSTS))
_ORDINALS = (*_FIRSTS, *_TEENTHS, *_TWENTIETHS, "thirtieth", "thirty-first")
_SUFFIXES = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


def cardinal(n: int) -> str:
    """``42`` → "forty-two", ``1250`` → "one thousand two hundred and fifty". Raises ValueError outside 0 to 999,999."""
    if not 0 <= n < 1_000_000:
        raise ValueError(f"{n} is not said in words")
    if n < 100:
        return _BELOW_100[n]
    size, name = (1000, "thousand") if n >= 1000 else (100, "hundred")
    head, rest = divmod(n, size)
    if not rest:
        return f"{cardinal(head)} {name}"
    return f"{cardinal(head)} {name} {'and ' if rest < 100 else ''}{cardinal(rest)}"


def ordinal(day: int) -> str:
    """``10`` → "10th", for a day of a month."""
    return f"{day}{_SUFFIXES.get(day, 'th')}"


def ordinal_words(day: int) -> str:
    """``10`` → "tenth", for a day of a month."""
    return _ORDINALS[day - 1]
