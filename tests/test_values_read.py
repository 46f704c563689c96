"""What the reader of values promises: it reads what people write, keeps what is ambiguous, and is not fooled by look-alikes."""

from __future__ import annotations

import ast
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gen.values
from gen.values.read import Readings, read, stands_in, words_of

TODAY = "2026-03-17"  # a Tuesday

NUMBERS = """
that 42.10 one | 42.1
the 42,10 thing | 42.1
€42.10 please | 42.1
42.10€ | 42.1
EUR 42.10 | 42.1
42 eur | 42
42 euros and ten cents | 42.1
42 euros 10 | 42.1
42 pounds 10 pence | 42.1
forty-two ten | 42.1
forty two euros ten | 42.1
nine fifty | 9.5
nineteen ninety-nine | 19.99
twelve oh five | 12.05
forty two | 42
a hundred and fifty | 150
one hundred fifty quid | 150
two hundred and seven | 207
three thousand four hundred and twelve | 3412
one million two hundred thousand | 1200000
1.2k | 1200
2 grand | 2000
a grand | 1000
€1.5k | 1500
1,250.00 | 1250
1.250,00 | 1250
1 250 | 1250
1 250,50 € | 1250.5
1'250.00 | 1250
1,250 | 1250
12,345,678 | 12345678
$5 off | 5
50p | 0.5
99 cents | 0.99
a tenner | 10
half a dozen | 6
a dozen | 12
two dozen | 24
a couple | 2
a couple of euros | 2
a pair | 2
both of them | 2
I was charged twice | 2
just one | 1
20% | 20
20% | 0.2
five percent | 0.05
for 4 nights | 4
three weeks | 21
three weeks | 3
a fortnight | 14
2 1/2 hours for 4 of us | 4
my wife and I | 2
me and my two kids | 3
just me | 1
two and a half | 2.5
minus 5 | 5
-5 | -5
2x the usb cable | 2
ships in 3 days | 3
make it 35, she'll need it | 35
3 1/2 hours | 3.5
24h | 24
max 300 dollars | 300
US$30 | 30
€ 1 200 | 1200
it costs 35. | 35
for two please | 2
3 or 4 | 4
"""

NOT_NUMBERS = """
10 March 2026 | 10
10 March 2026 | 2026
T1001 | 1001
payment T-1001 | 1001
#1001 | 1001
call +44 20 7946 0018 | 20
at 15:30 | 30
3pm | 3
2026-03-10 | 10
10/03/2026 | 10
the 42.10 one | 1
which one | 1
that one | 1
the 30 quid one | 1
the 2nd one | 1
the tuesday one | 1
seat 14C | 14
order 100234-5 | 5
the 10th | 10
half past three | 3
21001 | 1001
card ending in 4021 | 4021
order7@example.com | 7
see https://example.com/orders/55 | 55
someone alone-ish is done | 12
"""

DATES = """
today | 2026-03-17
tonight | 2026-03-17
tomorrow | 2026-03-18
tmrw | 2026-03-18
tmr morning | 2026-03-18
yesterday | 2026-03-16
the day before yesterday | 2026-03-15
day after tomorrow | 2026-03-19
last night | 2026-03-16
from last tues | 2026-03-10
last Tuesday | 2026-03-10
last monday | 2026-03-16
last monday | 2026-03-09
Tuesday's | 2026-03-10
Tuesday | 2026-03-24
thurs | 2026-03-19
thurs | 2026-03-12
weds | 2026-03-18
on fri | 2026-03-20
next Friday | 2026-03-20
next Friday | 2026-03-27
this friday | 2026-03-20
this coming fri | 2026-03-20
this past sunday | 2026-03-15
Friday week | 2026-03-27
a week on Friday | 2026-03-27
a week from friday | 2026-03-27
friday after next | 2026-03-27
wednesday next week | 2026-03-25
last week friday | 2026-03-13
friday last week | 2026-03-13
Tuesday 10 March | 2026-03-10
tue, mar 10 | 2026-03-10
tues the 24th | 2026-03-24
fri 20/3 | 2026-03-20
10 March | 2026-03-10
March 10th | 2026-03-10
mar 10 | 2026-03-10
10 Mar 2026 | 2026-03-10
10th of March | 2026-03-10
March the tenth | 2026-03-10
the tenth of march | 2026-03-10
the twenty-second of april | 2026-04-22
10.3. | 2026-03-10
on 10.03 | 2026-03-10
10/03 | 2026-03-10
3/10 | 2026-03-10
3/10 | 2025-10-03
10/03/2026 | 2026-03-10
10/03/2026 | 2026-10-03
10.03.26 | 2026-03-10
10-03-2026 | 2026-03-10
2026-03-10 | 2026-03-10
2026/03/10 | 2026-03-10
2026-03-10T15:00:00Z | 2026-03-10
March 10, 2026 | 2026-03-10
10 dec | 2025-12-10
10 dec | 2026-12-10
the 10th | 2026-03-10
the 10th | 2026-04-10
the 31st | 2026-03-31
the 31st | 2026-01-31
on the 1st | 2026-04-01
on the first | 2026-04-01
1st of next month | 2026-04-01
the first of next month | 2026-04-01
the 3rd of last month | 2026-02-03
the first of April | 2026-04-01
end of the month | 2026-03-31
end of next month | 2026-04-30
month end | 2026-03-31
end of feb | 2026-02-28
beginning of next month | 2026-04-01
a week ago | 2026-03-10
two weeks ago | 2026-03-03
3 days ago | 2026-03-14
a couple of days ago | 2026-03-15
a month ago | 2026-02-17
in three days | 2026-03-20
in 2 weeks | 2026-03-31
3 days from now | 2026-03-20
a week from today | 2026-03-24
a week tomorrow | 2026-03-25
in a fortnight | 2026-03-31
in a week's time | 2026-03-24
this time last week | 2026-03-10
same day last month | 2026-02-17
Christmas | 2025-12-25
new year's eve | 2026-12-31
valentine's day | 2026-02-14
3, 5 and 7 April | 2026-04-05
today is Tuesday, 17 March 2026 | 2026-03-17
29 february | 2028-02-29
1 may | 2026-05-01
may 1st | 2026-05-01
"""

NOT_DATES = """
the other day | *
may I ask for my money | *
it may take a while | *
we sat down in the sun | *
24/7 support | *
the 2nd payment | *
the second one | *
1st class | *
first of all | *
45/45 | *
42.10 | *
€12.10 | *
T1003 | *
the last payment | *
next time | *
my last order | *
this one | *
I was charged the same amount again | *
"""

PERIODS = """
mid month | 2026-03-11 2026-03-21
mid-april | 2026-04-11 2026-04-20
last month | 2026-02-01 2026-02-28
this month | 2026-03-01 2026-03-31
this month | 2026-03-01 2026-03-17
next month | 2026-04-01 2026-04-30
last week | 2026-03-09 2026-03-15
last week | 2026-03-08 2026-03-14
this week | 2026-03-16 2026-03-22
next week | 2026-03-23 2026-03-29
in February | 2026-02-01 2026-02-28
February 2025 | 2025-02-01 2025-02-28
feb | 2026-02-01 2026-02-28
in may | 2026-05-01 2026-05-31
last december | 2025-12-01 2025-12-31
since January | 2026-01-01 2026-03-17
since the 1st | 2026-03-01 2026-03-17
since last tuesday | 2026-03-10 2026-03-17
between 1 and 10 March | 2026-03-01 2026-03-10
between the 1st and 10th of march | 2026-03-01 2026-03-10
from 3 March to 9 March | 2026-03-03 2026-03-09
from the 3rd to the 9th | 2026-03-03 2026-03-09
1–10 March | 2026-03-01 2026-03-10
1-10 mar 2026 | 2026-03-01 2026-03-10
March 1 to 10 | 2026-03-01 2026-03-10
2026-03-01 to 2026-03-10 | 2026-03-01 2026-03-10
mon to wed | 2026-03-16 2026-03-18
from january to march | 2026-01-01 2026-03-31
the last 30 days | 2026-02-15 2026-03-17
past two weeks | 2026-03-03 2026-03-17
last couple of months | 2026-01-17 2026-03-17
next 7 days | 2026-03-17 2026-03-24
this year | 2026-01-01 2026-12-31
last year | 2025-01-01 2025-12-31
in 2025 | 2025-01-01 2025-12-31
over the weekend | 2026-03-14 2026-03-15
last weekend | 2026-03-14 2026-03-15
this weekend | 2026-03-21 2026-03-22
this quarter | 2026-01-01 2026-03-31
last quarter | 2025-10-01 2025-12-31
Q1 | 2026-01-01 2026-03-31
q4 2025 | 2025-10-01 2025-12-31
the week of 9 March | 2026-03-09 2026-03-15
past month | 2026-02-17 2026-03-17
"""

TIMES = """
3pm | 15:00
3 pm | 15:00
3 p.m. | 15:00
3.30pm | 15:30
730am | 07:30
15:00 | 15:00
at 15.00 | 15:00
15h30 | 15:30
half past three | 03:30
half past three | 15:30
half 3 | 15:30
quarter to six | 17:45
a quarter past nine | 09:15
ten to six | 05:50
twenty past seven pm | 19:20
noon | 12:00
midnight | 00:00
6 in the morning | 06:00
seven in the evening | 19:00
around seven | 07:00
around seven | 19:00
7ish | 19:00
sevenish | 19:00
at 7 | 19:00
at seven thirty | 19:30
seven o'clock | 07:00
at 0730 | 07:30
0730 hrs | 07:30
12am | 00:00
12:30 pm | 12:30
8 tonight | 20:00
2026-03-10T15:00:00Z | 15:00
"""

NOT_TIMES = """
7 people | *
at 50 euros | *
five to ten days | *
10 hours | *
at one point | *
in the morning | *
42.10 | *
half of it | *
from 3 March to 9 March | *
T1001 | *
"""


def cases(table: str) -> list[tuple[str, str]]:
    return [(text.strip(), wanted.strip()) for text, wanted in (line.rsplit("|", 1) for line in table.splitlines() if line)]


def around(text: str) -> list[Readings]:
    """The phrase alone, inside of a message, and shouted."""
    return [read(text, TODAY), read(f"hey, can u do {text}, thanks a lot", TODAY), read(text.upper(), TODAY)]


@pytest.mark.parametrize(("text", "wanted"), cases(NUMBERS))
def test_numbers_are_read(text: str, wanted: str) -> None:
    value = float(wanted) if "." in wanted else int(wanted)
    for readings in around(text):
        assert stands_in(value, {"type": "number"}, readings), readings.spans


@pytest.mark.parametrize(("text", "unwanted"), cases(NOT_NUMBERS))
def test_digits_of_other_things_are_no_numbers(text: str, unwanted: str) -> None:
    for readings in around(text):
        assert not stands_in(int(unwanted), {"type": "integer"}, readings), readings.spans


@pytest.mark.parametrize(("text", "wanted"), cases(DATES))
def test_dates_are_read(text: str, wanted: str) -> None:
    for readings in around(text):
        assert wanted in readings.dates, readings.spans
        assert stands_in(wanted, {"type": "string", "format": "date"}, readings)


@pytest.mark.parametrize(("text", "_"), cases(NOT_DATES))
def test_what_only_looks_like_a_date_is_none(text: str, _: str) -> None:
    readings = read(text, TODAY)
    assert not readings.dates and not readings.periods, readings.spans


@pytest.mark.parametrize(("text", "wanted"), cases(PERIODS))
def test_periods_are_read(text: str, wanted: str) -> None:
    first, last = wanted.split()
    for readings in around(text):
        assert (first, last) in readings.periods, readings.spans
        assert stands_in(first, {"format": "date"}, readings) and stands_in(last, {"format": "date"}, readings)


@pytest.mark.parametrize(("text", "wanted"), cases(TIMES))
def test_times_are_read(text: str, wanted: str) -> None:
    for readings in around(text):
        assert wanted in readings.times, readings.spans
        assert stands_in(wanted, {"type": "string", "format": "time"}, readings)


@pytest.mark.parametrize(("text", "_"), cases(NOT_TIMES))
def test_what_only_looks_like_a_time_is_none(text: str, _: str) -> None:
    assert not read(text, TODAY).times, read(text, TODAY).spans


@pytest.mark.parametrize(
    ("text", "value"), [("7", "19:00"), ("make it 7", "07:00"), ("0730", "07:30"), ("15.00", "15:00"), ("nine thirty", "09:30")]
)
def test_a_bare_number_answers_what_time(text: str, value: str) -> None:
    assert stands_in(value, {"format": "time"}, read(text, TODAY))


STANDS: list[tuple[Any, dict[str, Any], str]] = [
    ("T1001", {"pattern": "^T[0-9]+$"}, "status of T1001?"),
    ("T1001", {}, "t1001"),
    ("T1001", {}, "T-1001 please"),
    ("T1001", {}, "it's T 1001."),
    ("T1001", {}, "#1001"),
    ("T1001", {}, "number 1001"),
    ("T1001", {}, "1001"),
    ("T1001", {}, "T1001's status"),
    ("T1001", {}, "T one zero zero one"),
    ("T1001", {}, "one oh oh one"),
    ("LH454", {}, "on LH 454 tomorrow"),
    ("ORD-2024-0042", {}, "order ord-2024-0042"),
    ("ORD-2024-0042", {}, "ORD 2024 0042"),
    ("ORD-2024-0042", {}, "it ends in 0042"),
    ("C12344021", {}, "the one ending in 4021"),
    ("DE89370400440532013000", {}, "DE89 3704 0044 0532 0130 00"),
    ("4242424242424242", {}, "4242 4242 4242 4242"),
    ("4242424242424242", {}, "visa •••• 4242"),
    ("12A", {}, "seat 12a please"),
    ("14C", {}, "seat 14C"),
    ("4242424242424021", {}, "card xxxx4021"),
    ("100234-5", {}, "order 100234-5"),
    ("AUD", {}, "A$20"),
    ("ana@example.com", {"format": "email"}, "Write to Ana@Example.com, please"),
    ("+44 20 7946 0018", {}, "+442079460018"),
    ("+44 20 7946 0018", {}, "it's 020 7946 0018"),
    ("+1-555-010-1234", {}, "(555) 010-1234"),
    ("07700 900123", {}, "07700900123"),
    ("EUR", {"enum": ["EUR", "GBP"]}, "30 euros"),
    ("GBP", {"enum": ["EUR", "GBP"]}, "30 quid"),
    ("USD", {}, "ten bucks"),
    ("USD", {}, "is it in dollars?"),
    ("EUR", {}, "€5"),
    ("Ana Whitlock", {}, "pay ana whitlock's rent"),
    ("José Núñez", {}, "send it to jose nunez"),
    ("Brightleaf Books", {}, "at Brightleaf books?"),
    ("headphones", {}, "headphone"),
    ("duplicate", {"enum": ["duplicate"]}, "they are duplicates"),
    ("monthly", {"enum": ["weekly", "monthly"]}, "30 pounds every month"),
    ("monthly", {"enum": ["weekly", "monthly"]}, "30 a month"),
    ("weekly", {"enum": ["weekly", "monthly"]}, "once a week"),
    ("yearly", {"enum": ["yearly"]}, "annually"),
    ("daily", {"enum": ["daily"]}, "per day"),
    ("quarterly", {"enum": ["quarterly"]}, "each quarter"),
    ("cancelled", {"enum": ["cancelled"]}, "please cancel it"),
    ("cancel", {"enum": ["cancel"]}, "I cancelled it"),
    ("damaged", {"enum": ["damaged"]}, "a damage"),
    ("in_transit", {"enum": ["in_transit"]}, "still in transit"),
    ("2026-02", {}, "in february"),
    ("2026-03-10T15:00:00Z", {"format": "date-time"}, "on the 10th at 3pm"),
    ("it broke, sadly", {}, "Note: It broke -- sadly!"),
    ("2026-04-23", {}, "move it to April 23rd, 2026 please"),
    ("2026-03-25", {}, "weekly, beginning March 25"),
    ("2026-04-09", {}, "start april 9, the last day is march 16, 2027"),
    ("2026-04-03", {}, "from the third on"),
    ("2026-03-12", {}, "move it to the twelfth thank you"),
    ("2026-03-22", {}, "what I booked to Munich for the twenty-second for me"),
    ("2026-04-06", {}, "sun, the bell is broken. the sixth, not sun"),
    ("2026-08-26", {}, "Friday on 26th August"),
    ("2026-03-22", {}, "our tickets for sunday on february 19th instead"),
    ("2027-02-19", {}, "our tickets for sunday on february 19th instead"),
    (52.5, {}, "receipts for my 52 dollars 50 purchase"),
    (53.36, {}, "the fifty-three euros thirty-six that left my account"),
    (11.19, {}, "11 euros 19"),
    (3000, {}, "three thousand quid"),
    (57.5, {}, "57 and a half"),
    (7.5, {}, "it was $7.5."),
    (4.5, {}, "it was 4.5."),
    ("T3107", {}, "what happened to t3110 n 3107"),
    ("O1901", {}, "the contents of 1901 and #1897"),
    (2000, {}, "I'm thinking of 2000€."),
    (2000, {}, "of 2000 euros"),
    (1500, {}, "im thinking of 1.5k. thats daily"),
    ("2026-03-27", {}, "Checking in on the 27th time is tight"),
    ("T2016", {}, "what you have on file about 2016"),
    ("2026-03-22", {}, "85.50 once a month from Sunday on"),
]

DOES_NOT_STAND: list[tuple[Any, dict[str, Any], str]] = [
    ("T1001", {}, "21001"),
    ("T1001", {}, "€1001"),
    ("T1001", {}, "1,001 euros"),
    ("T1001", {}, "P1001"),
    ("T1001", {}, "T10012"),
    ("T1001", {}, "XT1001"),
    ("T2026", {}, "on 10 March 2026"),
    ("T12", {}, "12"),
    ("T1001", {}, "01"),
    ("ana@example.com", {"format": "email"}, "ana@example.org"),
    ("+44 20 7946 0018", {}, "+44 20 7946 0019"),
    ("GBP", {"enum": ["EUR", "GBP"]}, "30 euros"),
    ("Ana Whitlock", {}, "Ana"),
    ("Ana", {}, "a banana"),
    ("monthly", {"enum": ["weekly", "monthly"]}, "last week"),
    ("12:30", {"format": "time"}, "12 euros"),
    ("19:00", {"format": "time"}, "a table for 7 people near the window, please"),
    ("2026-03-11", {"format": "date"}, "last tuesday"),
    ("soon", {"format": "date"}, "on 10.03 or 12.04"),
    ("2026-04-02", {"format": "date"}, "the second payment"),
    (20.5, {"type": "number"}, "20 euros 50 times"),
    (True, {"type": "boolean"}, "true"),
    (None, {}, "null"),
    (42.2, {"type": "number"}, "42.10"),
    ("", {}, "anything"),
]


@pytest.mark.parametrize(("value", "schema", "text"), STANDS)
def test_a_leaf_stands_in_what_was_said(value: Any, schema: dict[str, Any], text: str) -> None:
    assert stands_in(value, schema, read(text, TODAY)), read(text, TODAY).spans


@pytest.mark.parametrize(("value", "schema", "text"), DOES_NOT_STAND)
def test_a_leaf_that_was_not_said_does_not_stand(value: Any, schema: dict[str, Any], text: str) -> None:
    assert not stands_in(value, schema, read(text, TODAY)), read(text, TODAY).spans


def test_the_example_of_the_hurried_user() -> None:
    readings = read("hey can u refund that 42,10 thing from last tues, ordered it twice by mistake", TODAY)
    assert [(span.kind, span.text) for span in readings.spans] == [("number", "42,10"), ("date", "last tues"), ("number", "twice")]
    assert "2026-03-10" in readings.dates
    assert " ordered it twice " in readings.words


def test_money_knows_its_currency() -> None:
    spans = read("€42.10, £5, 20 bucks, CHF 12, 30 quid and 7", TODAY).spans
    assert [(span.kind, span.currency) for span in spans] == [
        ("money", "EUR"), ("money", "GBP"), ("money", "USD"), ("money", "CHF"), ("money", "GBP"), ("number", None),
    ]  # fmt: skip


def test_tense_decides_between_past_and_future() -> None:
    assert read("it was paid on Friday", TODAY, "past").dates == {"2026-03-13"}
    assert read("pay it on Friday", TODAY, "future").dates == {"2026-03-20"}
    assert read("10 March 2026", TODAY, "future").dates == {"2026-03-10"}


def test_words_are_for_whole_phrases() -> None:
    assert words_of("T1001's  STATUS — paid?") == " t1001 s status paid "
    assert words_of("") == "  "


DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2089, 12, 31))
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]


def _ordinal(n: int) -> str:
    return f"{n}{'th' if 10 <= n % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


@given(DAYS, DAYS)
def test_every_date_is_read_back_from_every_absolute_style(day: date, today: date) -> None:
    d, month, y = day.day, MONTHS[day.month - 1], day.year
    weekday = day.strftime("%A")
    styles = [
        day.isoformat(),
        f"{d} {month} {y}", f"{month} {d}, {y}", f"{d} {month[:3]} {y}", f"{month[:3]} {_ordinal(d)} {y}",
        f"the {_ordinal(d)} of {month} {y}",
        f"{weekday}, {d} {month} {y}",
        f"{weekday[:3].lower()} {d} {month.lower()} {y}", f"{d:02d}/{day.month:02d}/{y}", f"{day.month}/{d}/{y}",
        f"{d}.{day.month}.{y}", f"{d:02d}.{day.month:02d}.{y % 100:02d}", f"{d} {month} '{y % 100:02d}",
    ]  # fmt: skip
    for style in styles:
        for text in (style, f"it was on {style}, wasn't it?", f"{style}."):
            readings = read(text, today.isoformat())
            assert day.isoformat() in readings.dates, (text, readings.spans)
            assert not readings.numbers, (text, readings.spans)


@given(DAYS, st.integers(-180, 180))
def test_a_near_date_needs_no_year(today: date, days: int) -> None:
    day = today + timedelta(days=days)
    for text in (
        f"{day.day} {MONTHS[day.month - 1]}",
        f"{MONTHS[day.month - 1][:3]} {day.day}",
        f"{day.day}/{day.month}",
        f"{day.day}.{day.month}.",
    ):
        if day.month == 2 and day.day == 29:
            continue
        assert stands_in(day.isoformat(), {"format": "date"}, read(text if text != "24/7" else "24/07", today.isoformat())), text


@given(st.integers(0, 2_000_000))
def test_every_amount_is_read_back_from_every_style(cents: int) -> None:
    whole, rest = divmod(cents, 100)
    value = float(Decimal(cents) / 100)
    styles = [
        f"{whole}.{rest:02d}", f"{whole},{rest:02d}", f"€{whole}.{rest:02d}", f"{whole}.{rest:02d}€",
        f"{whole:,}.{rest:02d}", f"${whole:,}.{rest:02d}",
        f"EUR {whole}.{rest:02d}", f"{whole},{rest:02d} euros", f"{whole:,}.{rest:02d}".translate(str.maketrans(",.", ".,")),
        f"£ {whole}.{rest:02d}",
        f"{whole} euros and {rest} cents",
    ]  # fmt: skip
    for style in styles:
        for text in (style, f"refund {style} please", f"it was {style}."):
            readings = read(text, TODAY)
            assert stands_in(value, {"type": "number"}, readings), (text, readings.spans)
            assert not readings.ids


@given(st.sampled_from("TPRCS"), st.integers(100, 99_999))
def test_ids_are_read_whole_and_in_part(letter: str, number: int) -> None:
    value = f"{letter}{number}"
    for text in (
        value,
        value.lower(),
        f"{letter}-{number}",
        f"{letter} {number}",
        f"#{number}",
        f"number {number}",
        str(number),
        f"my {value}'s",
    ):
        assert stands_in(value, {"pattern": "^[A-Z][0-9]+$"}, read(text, TODAY)), text
    for text in (f"€{number}", f"{number}0", f"9{number}", f"X{number}", f"{value}7"):
        assert not stands_in(value, {"pattern": "^[A-Z][0-9]+$"}, read(text, TODAY)), text


PIECES = st.sampled_from(
    [
        "10",
        "march",
        "the",
        "1st",
        "t1001",
        "#",
        "€",
        "$",
        "42,10",
        ".",
        ",",
        "-",
        "/",
        ":",
        "at",
        "half",
        "past",
        "to",
        "a",
        "and",
        "last",
        "next",
        "week",
        "of",
        "forty",
        "two",
        "hundred",
        "k",
        "%",
        "pm",
        "@",
        "+",
        "(",
        ")",
        "in",
        "ago",
        "day",
        "x",
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map(" ".join), st.lists(PIECES, max_size=14).map("".join)), DAYS)
def test_spans_lie_inside_any_text_and_never_overlap(text: str, today: date) -> None:
    readings = read(text, today.isoformat())
    end = 0
    for span in readings.spans:
        assert end <= span.start < span.end <= len(text)
        assert span.text == text[span.start : span.end] and span.values
        end = span.end
    for value in (1, 2.5, "T1001", "2026-03-10", "10:30", text):
        assert stands_in(value, None, readings) in (True, False)


@pytest.mark.parametrize("today", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar_are_no_crash(today: str) -> None:
    for text, _ in cases(DATES + PERIODS):
        read(text, today)


def test_the_reader_shares_nothing_with_the_speaker() -> None:
    for path in sorted(Path(gen.values.__file__).parent.glob("read*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            assert not any("speak" in name for name in names), path.name
