"""From a realised phrase to a written message: dates after prepositions, articles, capitals, stops.

While a message is composed, values stand between the marks START and END, so that what a persona does to words never
touches them. A date carries two forms, "on 10 March" and "10 March"; which is right is known only once it stands in its sentence.
"""

from __future__ import annotations

import re

START, BETWEEN, END = "\x02", "\x04", "\x03"

_DATE = re.compile(f"{START}([^{BETWEEN}{END}]*){BETWEEN}([^{END}]*){END}")
_BEFORE_BARE = frozenset(
    "from by for since until till of dated to before after starting beginning the around and than past is was start between".split()
)
# Begins with a set, which is found fast, and without the space, of which there are many. Two spaces are looked for apart.
_MESS = re.compile(r"[\t\n,.;:!?](?:(?<=[ \t].)|(?<=[.!?][.,])|(?<=,[.!?])|(?<=\t)(?= ))", re.DOTALL)
_SPACES = re.compile(r"[ \t]{2,}")
_SPACE_BEFORE = re.compile(r" +([,.;:!?\n])")
_DOUBLE_STOP = re.compile(r"(?<!\.)([.!?])\s*[.,](?!\.)")
_COMMA_STOP = re.compile(r",\s*([.!?])")
_AN = re.compile("([aA])\x01( *)([\x02]?)(\\w?)(\\w*)")
_HELP_HAVE = re.compile(r"\b(help me(?: +to)?) +have\b")
_I = re.compile(r"i(?<![\w'’].)(?=(?:['’](?:m|d|ll|ve|s)\b|\b)(?![.]\w))")
_FIRST = re.compile(f"()([{START}'\"(]*)([a-zà-ÿ]\\w*)")
_SENTENCE = re.compile(f"([.!?…\n]['\")]?\\s*(?<=\\s))([{START}'\"(]*)([a-zà-ÿ]\\w*)")
_VOWEL_SOUND = re.compile(
    r"(?:[ai]|e(?!u)|o(?!n(?:e|ce)\b)|u(?!(?:ni|se|su|k|r[aeio]))|h(?:our|onest|onou?r|eir)|8|11(?!\d)|18(?!\d))", re.IGNORECASE
)

QUESTION = re.compile(
    r"^(?:[^,.?!:]{2,40}, )?(?:(?:please|hi|hey|hello|so|ok|okay|also|and|sorry|then|well|oh|now|but|great|thanks|next|um|just|"
    r"quick question|one more thing|while you're at it)[,:!]? +)*"
    r"(?:can|could|would|will|is|are|was|were|do|does|did|has|have|had|may|might|should|shall|am|any|"
    r"what|what's|whats|when|when's|where|where's|wheres|how|how's|who|which|why|"
    r"isn't|aren't|wasn't|didn't|hasn't|haven't|don't|doesn't|can't|couldn't|won't|mind|possible|think you)\b",
    re.IGNORECASE,
)


def value(text: str) -> str:
    """A value, protected from what personas do to words."""
    return f"{START}{text}{END}"


def date(adverbial: str, bare: str) -> str:
    """A date in both its forms."""
    return f"{START}{adverbial}{BETWEEN}{bare}{END}"


def settle(text: str) -> str:
    """Choose the forms of dates and articles, and mend spaces, doubled stops and "help me have". Values stay marked."""
    if BETWEEN in text:
        text = _settle_dates(text)
    if "\x01" in text:
        text = _AN.sub(_settle_article, text)
    if "help me" in text:
        text = _HELP_HAVE.sub(r"\1 get", text)
    text = text.strip()
    if "  " not in text and _MESS.search(text) is None:
        return text
    text = _SPACE_BEFORE.sub(r"\1", _SPACES.sub(" ", text))
    return _COMMA_STOP.sub(r"\1", _DOUBLE_STOP.sub(r"\1", text))


def _settle_dates(text: str) -> str:
    settled = ""
    end = 0
    for found in _DATE.finditer(text):
        before = text[end : found.start()]
        end = found.end()
        adverbial, bare = found[1], found[2]
        word = _last_word(before)
        if word == "on":
            before = before.rstrip(" ")[:-2]
        elif word in _BEFORE_BARE:
            adverbial = bare.removeprefix("the ") if word == "the" else bare
        settled += f"{before}{START}{adverbial}{END}"
    return settled + text[end:]


def _last_word(text: str) -> str:
    """The word before a date, in lower case; empty where something other than one space stands between."""
    at = len(text) - text.endswith(" ")
    start = at
    while start and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    return text[start:at].lower()


def _settle_article(found: re.Match[str]) -> str:
    article, space, mark, first, rest = found.groups()
    n = "n" if _VOWEL_SOUND.match(first + rest) else ""
    return f"{article}{n}{space}{mark}{first}{rest}"


def capitals(text: str) -> str:
    """Sentence capitals and "I". Values stay marked; one that begins a sentence gets its capital too, unless it is an id in lower case."""
    if "i" in text:
        text = _I.sub("I", text)
    if first := _FIRST.match(text):
        text = _capital(first) + text[first.end() :]
    return _SENTENCE.sub(_capital, text)


def _capital(found: re.Match[str]) -> str:
    return found[1] + found[2] + found[3][0].upper() + found[3][1:] if "_" not in found[3] else found[0]


def plain(text: str) -> str:
    """The text without its marks."""
    return text.replace(START, "").replace(END, "") if START in text or END in text else text


def forms(text: str) -> tuple[str, ...]:
    """The forms that a marked value may take in its sentence, without marks: a date has several."""
    first, dated, second = text.partition(BETWEEN)
    bare = plain(second)
    return (plain(first), bare, bare.removeprefix("the ")) if dated else (plain(first),)


def stop(sentence: str, *, question: bool | None = None) -> str:
    """The sentence with its final mark: a question mark where it asks, else a full stop; none where it has one."""
    text = sentence.rstrip()
    if not text or text[-1] in ".!?…:)":
        return text
    asks = QUESTION.match(plain(text)) is not None if question is None else question
    return text + ("?" if asks else ".")
