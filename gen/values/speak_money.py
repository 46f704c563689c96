"""An amount of money as people say it, and as the assistant states it.

Whatever is said keeps every cent: a short form is used only where it is exact. The currency may be left to the
context by casual speakers, the number never.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from gen.dice import Dice
from gen.values.speak_voice import Form, Table, Voice, cardinal, manner, table

DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "XOF": 0, "XAF": 0, "UGX": 0, "PYG": 0}
DECIMALS |= {"KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "TND": 3, "IQD": 3, "LYD": 3}


class Currency(NamedTuple):
    """What people call a currency. ``symbol`` is empty where the code is written instead."""

    code: str
    symbol: str = ""
    one: str = ""
    many: str = ""
    cent: str = ""
    cents: str = ""
    slang: str = ""


CURRENCIES = {
    "EUR": Currency("EUR", "€", "euro", "euros", "cent", "cents"),
    "GBP": Currency("GBP", "£", "pound", "pounds", "penny", "pence", "quid"),
    "USD": Currency("USD", "$", "dollar", "dollars", "cent", "cents", "bucks"),
    "JPY": Currency("JPY", "¥", "yen", "yen"),
    "CHF": Currency("CHF", "", "franc", "francs"),
}


@dataclass(frozen=True, slots=True)
class Money:
    """An amount cut into whole units and cents; ``cents`` is 0 to 99."""

    whole: int
    cents: int
    currency: Currency

    @property
    def symbol(self) -> str:
        return self.currency.symbol

    @property
    def unit(self) -> str:
        """ "euro" or "euros", as it stands behind the whole number."""
        return self.currency.one if self.whole == 1 else self.currency.many

    @property
    def cent_unit(self) -> str:
        return self.currency.cent if self.cents == 1 else self.currency.cents

    @property
    def thousands(self) -> str:
        """``1200`` → "1.2", for amounts that are whole hundreds."""
        return f"{self.whole / 1000:g}"


Say = Callable[[Money], str]
CODE_ONLY: tuple[Form[Say], ...] = (
    Form(lambda m: f"{m.whole}.{m.cents:02} {m.currency.code}", 4, 3),
    Form(lambda m: f"{m.currency.code} {m.whole:,}.{m.cents:02}", 3, 0.5),
    Form(lambda m: f"{m.whole}.{m.cents:02}", 0, 3),
)
SYMBOL: tuple[Form[Say], ...] = (
    Form(lambda m: f"{m.symbol}{m.whole:,}.{m.cents:02}", 9, 2),
    Form(lambda m: f"{m.symbol}{m.whole}.{m.cents:02}", 3, 4),
    Form(lambda m: f"{m.currency.code} {m.whole:,}.{m.cents:02}", 1.5, 0),
    Form(lambda m: f"{m.whole:,}.{m.cents:02} {m.currency.code}", 1, 0.1),
    Form(lambda m: f"{m.whole}.{m.cents:02} {m.currency.many}", 1, 2, False),
    Form(lambda m: f"{m.whole}.{m.cents:02}", 0.2, 4),
)
BROKEN: tuple[Form[Say], ...] = (
    Form(lambda m: f"{m.whole} {m.unit} and {m.cents} {m.cent_unit}", 0.8, 0.4, False),
    Form(lambda m: f"{cardinal(m.whole)} {m.unit} and {cardinal(m.cents)} {m.cent_unit}", 3, 1, True),
)
BROKEN_SHORT: tuple[Form[Say], ...] = (  # behind these the cents must have two digits, or "42 euros 5" could be 42.50
    Form(lambda m: f"{m.whole} {m.unit} {m.cents}", 0, 0.6, False),
    Form(lambda m: f"{cardinal(m.whole)} {cardinal(m.cents)}", 1, 9, True),
    Form(lambda m: f"{cardinal(m.whole)} {m.unit} {cardinal(m.cents)}", 1, 2, True),
)
ROUND: tuple[Form[Say], ...] = (
    Form(lambda m: f"{m.symbol}{m.whole:,}", 5, 3),
    Form(lambda m: f"{m.symbol}{m.whole}", 2, 5),
    Form(lambda m: f"{m.whole} {m.unit}", 2, 4, False),
    Form(lambda m: f"{m.whole}", 0, 1.2),
)
ROUND_WORDS: tuple[Form[Say], ...] = (
    Form(lambda m: f"{cardinal(m.whole)} {m.unit}", 5, 8, True),
    Form(lambda m: cardinal(m.whole), 0, 2, True),
)
SLANG: tuple[Form[Say], ...] = (
    Form(lambda m: f"{m.whole} {m.currency.slang}", 0, 3, False),
    Form(lambda m: f"{cardinal(m.whole)} {m.currency.slang}", 0, 3, True),
)
THOUSANDS: tuple[Form[Say], ...] = (Form(lambda m: f"{m.symbol}{m.thousands}k", 0.2, 3), Form(lambda m: f"{m.thousands}k", 0, 3))
COMMA: tuple[Form[Say], ...] = (
    Form(lambda m: f"{m.whole},{m.cents:02}", 0.2, 3),
    Form(lambda m: f"{m.whole},{m.cents:02} {m.currency.many}", 0.5, 1.5),
    Form(lambda m: f"{m.whole},{m.cents:02}{m.symbol}", 0.5, 2),
    Form(lambda m: f"{m.whole}.{m.cents:02}{m.symbol}", 0.3, 1),
    Form(lambda m: f"{m.whole},{m.cents:02} {m.symbol}", 0.5, 0.6),
)
COMMA_ROUND: tuple[Form[Say], ...] = (Form(lambda m: f"{m.whole}{m.symbol}", 0.5, 3),)
CENTS_ONLY: tuple[Form[Say], ...] = (
    Form(lambda m: f"{m.cents} {m.cent_unit}", 1, 4, False),
    Form(lambda m: f"{cardinal(m.cents)} {m.cent_unit}", 2, 3, True),
)
PENCE: tuple[Form[Say], ...] = (Form(lambda m: f"{m.cents}p", 0.3, 6, False),)


def say_money(amount: float, currency: str, voice: Voice, dice: Dice) -> str:
    """An amount as this speaker says it: "€42.10", "42,10", "forty-two ten", "30 quid", "1.2k" (only where exact)."""
    cents = round(amount * 100)
    if amount < 0 or DECIMALS.get(currency, 2) != 2 or abs(cents - amount * 100) > 1e-6:
        text = _plain(amount, currency, voice, dice)
    else:
        known = CURRENCIES.get(currency) or Currency(currency)
        money = Money(*divmod(cents, 100), known)
        text = _table(known.code if known.many else "", _shape(money), voice.us, manner(voice)).draw(dice)(money)
    return text.lower() if voice.lower else text


@lru_cache(maxsize=8192)
def state_money(amount: float, currency: str) -> str:
    """An amount as the assistant states it: "€42.10", "£1,250.00", "¥1,200", "42.10 NOK"."""
    known = CURRENCIES.get(currency)
    number = _number(abs(amount), DECIMALS.get(currency, 2))
    sign = "-" if amount < 0 else ""
    return f"{sign}{known.symbol}{number}" if known and known.symbol else f"{sign}{number} {currency}"


def _number(amount: float, decimals: int) -> str:
    """The number with its currency's decimals, or with all it has where those would drop some."""
    text = f"{amount:,.{decimals}f}"
    return text if abs(float(text.replace(",", "")) - amount) < 1e-9 * max(1.0, amount) else f"{amount:,}"


def _plain(amount: float, currency: str, voice: Voice, dice: Dice) -> str:
    """Currencies without cents, refunds below zero, fractions of a cent: exact forms only."""
    stated = state_money(amount, currency)
    known = CURRENCIES.get(currency)
    number = ("-" if amount < 0 else "") + _number(abs(amount), DECIMALS.get(currency, 2))
    if known and known.many and dice.chance(0.3 + 0.2 * voice.casual):
        return f"{number} {known.one if number == '1' else known.many}"
    return number if dice.chance(0.2 * voice.casual) else stated


def _shape(money: Money) -> int:
    """Which forms an amount allows, as bits: no cents, less than one, two-digit cents, sayable, whole hundreds."""
    whole, cents = money.whole, money.cents
    return (
        (cents == 0)
        | (whole == 0) << 1
        | (cents >= 10) << 2
        | (whole <= 100 or (whole <= 1000 and whole % 50 == 0)) << 3
        | (cents == 0 and 1000 <= whole < 100_000 and whole % 100 == 0) << 4
        | (11 <= whole < 100) << 5
    )


@lru_cache(maxsize=4096)
def _table(code: str, shape: int, us: bool, manner: int) -> Table[Say]:
    whole, nothing, two_digits, sayable, hundreds, pair = (bool(shape >> bit & 1) for bit in range(6))
    if not code:
        return table(CODE_ONLY, manner)
    currency = CURRENCIES[code]
    forms = list(SYMBOL if currency.symbol else CODE_ONLY)
    european = code == "EUR" and not us
    if whole:
        forms += ROUND if currency.symbol else ROUND[2:]
        forms += ROUND_WORDS if sayable else ()
        forms += SLANG if currency.slang and not nothing and (code == "USD" or not us) else ()
        forms += THOUSANDS if hundreds and currency.symbol else ()
        forms += COMMA_ROUND if european else ()
    elif currency.cents:
        forms += COMMA if european else ()
        forms += CENTS_ONLY if nothing else BROKEN if sayable else BROKEN[:1]
        forms += PENCE if nothing and code == "GBP" else ()
        forms += BROKEN_SHORT if two_digits and pair else ()
    return table(forms, manner)
