"""The string formats that tool schemas use, as predicates.

The ``jsonschema`` package accepts any text for formats whose optional libraries are missing; these are ours, written
from the standards that JSON Schema names, so that an asserted format is really asserted. ``validation.py`` registers
them, and takes the rest (IRIs, URI templates, regular expressions, ...) from ``jsonschema-rs``.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATE_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt](.+)", re.ASCII)
_TIME = re.compile(r"(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|([+-])(\d{2}):(\d{2}))", re.ASCII)
_DURATION = re.compile(
    r"P(?:\d+W|(?=.)(?:(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D))?(?:T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S))?)", re.ASCII
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = re.compile(rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*")@(?:({_LABEL}(?:\.{_LABEL})*)|\[(.+)\])')
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*", re.DOTALL)
_RELATIVE_POINTER = re.compile(r"(?:0|[1-9]\d*)(?:#|(?:/(?:[^~/]|~[01])*)*)", re.ASCII | re.DOTALL)

_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_AUTHORITY = (
    r"//(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
    r"(?:\[([0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::\d*)?"
)
_TAIL = rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:\#(?:{_PCHAR}|[/?])*)?"
_HIER = rf"(?:{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{_PCHAR}+(?:/{_PCHAR}*)*|)"
_URI = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*:{_HIER}{_TAIL}", re.ASCII)
_RELATIVE = re.compile(
    rf"(?:{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|(?:(?!:){_PCHAR})+(?:/{_PCHAR}*)*|){_TAIL}", re.ASCII
)
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)


def is_date(text: str) -> bool:
    """``2026-03-17``, a day that exists."""
    if _DATE.fullmatch(text) is None:
        return False
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_time(text: str) -> bool:
    """A time of RFC 3339, with seconds and offset: ``10:30:00Z``. A leap second stands only at 23:59:60 UTC."""
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    hour, minute, second = int(match[1]), int(match[2]), int(match[3])
    sign = -1 if match[4] == "+" else 1
    offset_hour, offset_minute = int(match[5] or 0), int(match[6] or 0)
    if hour > 23 or minute > 59 or second > 60 or offset_hour > 23 or offset_minute > 59:
        return False
    in_utc = (hour * 60 + minute + sign * (offset_hour * 60 + offset_minute)) % 1440
    return second < 60 or in_utc == 1439


def is_date_time(text: str) -> bool:
    """A point in time of RFC 3339: ``2026-03-17T10:30:00Z``."""
    match = _DATE_TIME.fullmatch(text)
    return match is not None and is_date(match[1]) and is_time(match[2])


def is_duration(text: str) -> bool:
    """A duration of RFC 3339, appendix A: ``P3D``, ``PT1H30M``, ``P2W``."""
    return text[-1:] != "T" and _DURATION.fullmatch(text) is not None


def is_hostname(text: str) -> bool:
    """A host name of RFC 1123: at most 253 characters, labels of at most 63; no label that only looks like an A-label."""
    if len(text) > 253 or _HOSTNAME.fullmatch(text) is None:
        return False
    return all(_is_label(label) for label in text.lower().split(".") if label[2:4] == "--")


def _is_label(label: str) -> bool:
    """A label with hyphens in third and fourth place must be an A-label that IDNA accepts."""
    import idna

    if not label.startswith("xn--"):
        return False
    try:
        idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        return False
    return True


def is_email(text: str) -> bool:
    """A mailbox of RFC 5321: a dotted or quoted local part of at most 64 characters, and a host name or an address literal."""
    match = _EMAIL.fullmatch(text)
    if match is None or len(text.rpartition("@")[0]) > 64:
        return False
    return len(match[1]) <= 253 if match[1] else _is_address(match[2])


def _is_address(text: str) -> bool:
    import ipaddress

    version, _, address = text.rpartition("IPv6:")
    try:
        ipaddress.ip_address(address if version == "" else text)
    except ValueError:
        return False
    return (":" in address) == text.startswith("IPv6:")


def is_uri(text: str) -> bool:
    """A URI of RFC 3986, with its scheme."""
    return _has_good_host(_URI.fullmatch(text))


def is_uri_reference(text: str) -> bool:
    """A URI or a relative reference of RFC 3986."""
    return _has_good_host(_URI.fullmatch(text) or _RELATIVE.fullmatch(text))


def _has_good_host(match: re.Match[str] | None) -> bool:
    if match is None:
        return False
    import ipaddress

    literal = match[1]
    if literal is None or literal[0] in "vV":
        return True
    try:
        ipaddress.IPv6Address(literal)
    except ValueError:
        return False
    return True


def is_json_pointer(text: str) -> bool:
    """A JSON pointer of RFC 6901: ``/items/0/name``."""
    return _POINTER.fullmatch(text) is not None


def is_relative_json_pointer(text: str) -> bool:
    """A relative JSON pointer: ``1/name``, ``0#``."""
    return _RELATIVE_POINTER.fullmatch(text) is not None


def is_iban(text: str) -> bool:
    """An IBAN without spaces whose check digits are right."""
    if _IBAN.fullmatch(text) is None:
        return False
    return int("".join([str(int(character, 36)) for character in text[4:] + text[:4]])) % 97 == 1


FORMATS: dict[str, Callable[[str], bool]] = {
    "date": is_date,
    "time": is_time,
    "date-time": is_date_time,
    "duration": is_duration,
    "hostname": is_hostname,
    "email": is_email,
    "uri": is_uri,
    "uri-reference": is_uri_reference,
    "json-pointer": is_json_pointer,
    "relative-json-pointer": is_relative_json_pointer,
    "iban": is_iban,
}
"""Our predicates by the name of their format. ``iban`` is no format of the standard; schemas of banks use it."""

OWN_FORMATS = ("iban",)
"""The formats that no validator knows by itself."""
