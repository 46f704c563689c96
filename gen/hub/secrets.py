"""Secrets and personal data in the texts of a corpus: looked for before anything leaves the machine.

A literal that every secret of a kind begins with is looked for first, so that a clean row costs little; then the whole form,
then, where the form has one, its check digits. What fcgen makes is safe by construction (reserved domains, ranges and test
numbers) and known here, so that a finding is a finding. Sources: RFC 2606 and RFC 6761 (domains), the card schemes' published
test numbers, the IBAN registry (ISO 13616), ISO/IEC 7812 (Luhn, and which numbers a scheme issues).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gen.canonical import exact_json
from gen.conversation import Conversation
from gen.corpus.folder import REJECTED
from gen.hub.files import LocalFile
from gen.hub.findings import LEAK, Problem
from gen.teachers.completions import COMPLETIONS, SEALED

RESERVED_DOMAINS = (".example", ".test", ".invalid", ".localhost", "example.com", "example.org", "example.net", "example.edu")
TEST_CARDS = frozenset(
    "4242424242424242 4111111111111111 4012888888881881 4000056655665556 5555555555554444 5105105105105100 2223003122003222"
    " 378282246310005 371449635398431 6011111111111117 6011000990139424 3056930009020004 30569309025904 3566002020360505"
    " 4000000000000002 4000000000009995".split()
)
TEST_IBANS = frozenset(
    "DE89370400440532013000 GB29NWBK60161331926819 GB82WEST12345698765432 FR1420041010050500013M02606 NL91ABNA0417164300"
    " ES9121000418450200051332 IT60X0542811101000000123456 BE68539007547034 CH9300762011623852957 AT611904300234573201".split()
)


IBAN_LENGTHS = {
    entry[:2]: int(entry[2:])
    for entry in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27"
        " GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27"
        " MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23"
        " TN24 TR26 UA29 VA22 VG24 XK20"
    ).split()
}
_issued = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720|6011|65\d\d|64[4-9]\d|35\d\d)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
).fullmatch
"""The numbers that card schemes issue: Visa, Mastercard, Discover, JCB, American Express, Diners Club."""
_TEXTS = (".md", ".json", ".jsonl", ".yaml", ".yml", ".txt", ".cff")
_LARGEST = 5_000_000
"""A larger text beside the rows is a tokenizer's vocabulary."""


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of secret or personal datum.

    Attributes:
        begins: literals of which one stands in every text that holds one; empty: look in any text.
        holds: whether a match is one indeed, and none of those known to be safe.
        personal: it tells of a person, and opens no door. A card may name its author.
    """

    name: str
    pattern: re.Pattern[str]
    begins: tuple[str, ...] = ()
    holds: Callable[[str], bool] = lambda found: True
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Leak:
    """Something found: what, in which row and message, and as much of it as may be shown."""

    kind: str
    row: str
    where: str
    shown: str


def leaks(row: Conversation) -> Iterator[Leak]:
    """The secrets and personal data in one row."""
    for where, text in _texts(row):
        yield from (Leak(form.name, row.id, where, _masked(found)) for form, found in find(text))


def leaks_in_files(files: Sequence[LocalFile]) -> Iterator[Problem]:
    """What the texts beside the rows hold: secrets in cards and configurations, personal data too in candidates and completions."""
    found = []
    for file in files:
        everything = REJECTED in file.name.split("/") or COMPLETIONS in file.name.split("/")
        if everything or (file.name.endswith(_TEXTS) and file.size <= _LARGEST):
            found += [f"{form.name} in {file.name}: {_masked(match)}" for form, match in _found_in(file) if everything or not form.personal]
    if found:
        yield Problem(LEAK, len(found), found[0])


def find(text: str) -> Iterator[tuple[Form, str]]:
    """The forms that a text holds, each with its first match."""
    for form in FORMS:
        if (not form.begins or any([begin in text for begin in form.begins])) and (
            match := next((m for m in form.pattern.finditer(text) if form.holds(m[0])), None)
        ):
            yield form, match[0]


def _found_in(file: LocalFile) -> Iterator[tuple[Form, str]]:
    """What a file of text holds, line by line where it has lines; or a file of sealed completions, text by text."""
    if file.name.split("/")[-2:] == [COMPLETIONS, SEALED] and file.path is not None:
        from gen.teachers.sealed import Sealed  # pyarrow: only where something is sealed

        for text in Sealed(file.path).texts():
            yield from find(text)
        return
    rest = b""
    for block in file.blocks():
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield from find(line.decode("utf-8", "replace"))
    yield from find(rest.decode("utf-8", "replace"))


def _texts(row: Conversation) -> Iterator[tuple[str, str]]:
    for index, message in enumerate(row.messages):
        calls = exact_json([call.arguments for call in message.tool_calls]) if message.tool_calls else ""
        yield f"messages[{index}]", "\n".join(filter(None, (message.content, message.reasoning_content, calls)))
    if row.tools:
        yield "tools", exact_json(list(row.tools))


def _masked(text: str) -> str:
    return f"{text[:4]}…{text[-2:]} ({len(text)} characters)"


def _is_foreign_address(address: str) -> bool:
    domain = address.rpartition("@")[2].lower().rstrip(".")
    return not any(domain == reserved.lstrip(".") or domain.endswith("." + reserved.lstrip(".")) for reserved in RESERVED_DOMAINS)


def _is_card(found: str) -> bool:
    digits = re.sub(r"\D", "", found)
    if digits in TEST_CARDS or not _issued(digits) or len(set(digits)) < 4:
        return False
    doubled = [int(digit) * (1 + k % 2) for k, digit in enumerate(reversed(digits))]
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def _is_iban(found: str) -> bool:
    plain = found.replace(" ", "")
    length = IBAN_LENGTHS.get(plain[:2])
    if length is None or len(plain) < length or plain[:length] in TEST_IBANS:
        return False
    turned = plain[4:length] + plain[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def _is_random(found: str) -> bool:
    """Whether letters of both cases and digits stand in it: a key does that, words joined by hyphens do not."""
    return bool(re.search("[a-z]", found) and re.search("[A-Z]", found) and re.search("[0-9]", found))


FORMS: tuple[Form, ...] = (
    Form("Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{20,}\b"), ("hf_",)),
    Form("OpenAI or Anthropic key", re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"), ("sk-",), holds=_is_random),
    Form("AWS access key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), ("AKIA", "ASIA")),
    Form(
        "GitHub token",
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,})"),
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    Form("GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"), ("glpat-",)),
    Form("npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"), ("npm_",)),
    Form("PyPI token", re.compile(r"\bpypi-AgE[A-Za-z0-9_-]{50,}"), ("pypi-AgE",)),
    Form("SendGrid key", re.compile(r"\bSG\.[\w-]{22}\.[\w-]{43}"), ("SG.",)),
    Form("Google API key", re.compile(r"\bAIza[A-Za-z0-9_-]{35}"), ("AIza",)),
    Form("Slack token", re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"), ("xox",)),
    Form("Stripe live key", re.compile(r"\b[rs]k_live_[A-Za-z0-9]{16,}"), ("k_live_",)),
    Form("private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), ("PRIVATE KEY-----",)),
    Form("JSON web token", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"), ("eyJ",)),
    Form("e-mail address", re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"), ("@",), _is_foreign_address, personal=True),
    Form("IBAN", re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), holds=_is_iban, personal=True),
    Form("card number", re.compile(r"(?<![\w.-])(?:[0-9][ -]?){12,18}[0-9](?![\w.-])"), holds=_is_card, personal=True),
)
