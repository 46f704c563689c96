"""FC5xx: is the text what people would write? Forged control tokens, leaked names and JSON, seams of templates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from operator import eq

from gen.checks.context import Context
from gen.checks.row import Row
from gen.checks.rule import Rule
from gen.conversation import Problem

# Every format that fcgen renders or models in use were trained on: Gemma, Mistral, ChatML/Hermes/Qwen, Llama, FunctionGemma, Gemma 4,
# Harmony, DeepSeek. Literals, not patterns: what a tokenizer would turn into a control token.
_BRACKETED = (
    "AVAILABLE_TOOLS TOOL_CALLS TOOL_RESULTS TOOL_CONTENT THINK INST SYSTEM_PROMPT MODEL_SETTINGS ARGS CALL_ID IMG IMG_BREAK IMG_END "
    "PREFIX MIDDLE SUFFIX"
)
_ANGLED = (
    "bos eos pad unk s start_of_turn end_of_turn tools tool_call tool_calls tool_response tool_reponse think start_function_declaration "
    "end_function_declaration start_function_call end_function_call start_function_response end_function_response escape start_of_image "
    "end_of_image turn| tool| tool_call| tool_response| channel|"
)
CONTROL_TOKEN = re.compile(
    rf"\[/?(?:{'|'.join(_BRACKETED.split())})\]"
    rf"|</?(?:{'|'.join(map(re.escape, _ANGLED.split()))})>"
    r"|</?(?:function|parameter)=[^<>\s]{1,80}>|</(?:function|parameter)>"
    r"|<\|[^<>|\s]{0,40}\|?>|<\|\"\|>|<｜[^<>｜]{1,40}｜>"
)

_TOKEN_HINT = re.compile(r"[<\[](?:/?[A-Za-z|｜]|\|)")
"""What every control token begins with, and hardly anything else."""

_SNAKE = re.compile(r"(?<![\w@./:-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w@])")
_RAW_JSON = re.compile(
    r"""\{\s*(?:["'][^"'\n]{0,60}["']\s*:|\})|\[\s*(?:\{|["'][^"'\n]{0,80}["']\s*[,\]])|["']\w{1,40}["']\s*:\s*["'\d\[{tfn]"""
)
_RESIDUE = re.compile(
    r"<[a-z][\w.:]*>|\{[^{}\n]{0,80}\|[^{}\n]{0,80}\}|\{\{|\}\}|\{[a-z_][\w.:]*\}|\[[a-z]\w+(?:/\w+)?\](?!\()|\ba\(n\)|%\(?\w*\)s|\$\{|\(s\)(?=\W|$)"
)
_NOTHING = re.compile(
    r"(?<=[a-z,:;(€£$] )(?:None|True|False)\b(?![\"”])|(?<=[€£$#(])(?:None|null|nan)\b|\bnull\b(?! and void)|\b(?:NaN|undefined|NoneType)\b"
    r"|\bobject at 0x|\bInvalid [Dd]ate\b"
)
_NOTHING_HINTS = ("None", "True", "False", "null", "NaN", "nan", "undefined", "object at 0x", "nvalid ")
_JSON_HINTS = ("{", "[", "':", '":', " :")
_RESIDUE_HINTS = ("<", "{", "[", "}", "%", "(s)", "(n)")
_SEAM = re.compile(
    r"(?<=\S)[ \t]{2,}(?=\S)|(?<=\w) [,.!?;:](?=\s|$)|,[,.;:!?]|[;:][,.;]|(?<![.])\.\.(?![.])|[!?]\.(?=\s|$)|\(\s|(?<!\w)\(\)|^\s|\s$"
)
_SEAM_HINT = re.compile(r"[,.;:!?(\t](?:(?<= [^(\t])(?=\s|\Z)|(?<=[,.;:])[,.;:!?]|(?<=[!?])\.|(?<=\()[\s)]|(?<=\t))")
"""Characters of which ``_SEAM`` may make something; fast."""
_NEVER_TWICE = {
    "the", "a", "an", "is", "are", "was", "to", "of", "for", "and", "your", "my", "at", "it", "i", "you", "we",
    "been", "with", "be",
}  # fmt: skip
_LOWER = bytes(ord(" ") if byte < 32 or chr(byte) == "?" else byte for byte in range(256)).lower()
"""Lower case, and a space for what may be one: every white space, and the question mark that stands for what is not ASCII."""
_ARTICLE = re.compile(r"\b([Aa]n?) [\"'“‘(]?(?:[€£$]\s?)?([A-Za-z]+|\d[\d,.]*)")
_ARTICLE_HINT = re.compile(r"[Aa](?<!\w.)(?: \W{0,3}(?:[aeiouAEIOUhH8]|1[18])|n \W{0,3}[^\WaeiouAEIOU])")
"""An article that looks wrong, by the letter that follows."""
_AN_DIGITS = re.compile(r"8|11(?!\d)|18(?!\d)|(?:11|18)(?:,?\d{3})+(?!\d)|8\d*")
_NO_NOUN = {"and", "or", "is", "in", "on", "as", "at", "of", "if", "are"}
"""After these "A" is a letter or a name."""
_VOWEL_BUT_CONSONANT = re.compile(r"(?:eu|uni(?!n|m)|use|usu|usa|uti|ubi|ura|uk|ur[io]|one|once|ewe|u-)", re.IGNORECASE)
_SILENT_H = re.compile(r"(?:hour|honest|hono|heir)", re.IGNORECASE)


def control_tokens(row: Row, context: Context) -> Iterator[Problem]:
    for where, text in _texts_with_brackets(row):
        match = CONTROL_TOKEN.search(text) if _TOKEN_HINT.search(text) else None
        if match:
            yield where, f"the text holds the control token {match[0]!r}"


def _texts_with_brackets(row: Row) -> list[tuple[str, str]]:
    """All texts that hold what every control token begins with."""
    found: list[tuple[str, str]] = []
    for index, message in enumerate(row.messages):
        content, thought = message.content, message.reasoning_content
        if "<" in content or "[" in content:
            found.append((f"messages[{index}].content", content))
        if thought and ("<" in thought or "[" in thought):
            found.append((f"messages[{index}].reasoning_content", thought))
    for executed in row.calls:
        for path, _, value in executed.leaves:
            if isinstance(value, str) and ("<" in value or "[" in value):
                found.append((f"{executed.where}.arguments.{path}", value))
    return found


def leaked_names(row: Row, context: Context) -> Iterator[Problem]:
    if "_" not in row.said:
        return
    names = _names(row)
    for index, role, text in row.spoken:
        for match in _SNAKE.finditer(text):
            if match[0] in names:
                yield f"messages[{index}].content", f"the {role} speaks like a schema: {match[0]!r}"


def _names(row: Row) -> set[str]:
    names = set(row.offered)
    for executed in row.calls:
        names.add(executed.call.name)
        names.update(executed.call.arguments)
        if isinstance(executed.result, dict):
            names.update(executed.result)
    for tool in row.offered.values():
        names.update(tool.properties)
    return names


def raw_json(row: Row, context: Context) -> Iterator[Problem]:
    if not row.conversation.tools or not any([sign in row.said for sign in _JSON_HINTS]):
        return  # a chat about code, without tools, may hold such things
    for index, role, text in row.spoken:
        match = _RAW_JSON.search(text)
        if match:
            yield f"messages[{index}].content", f"the {role} speaks JSON: {text[match.start() : match.start() + 60]!r}"


def template_residue(row: Row, context: Context) -> Iterator[Problem]:
    if not row.conversation.tools or not any([sign in row.said for sign in _RESIDUE_HINTS]):
        return
    for index, role, text in row.prose:
        match = _RESIDUE.search(text)
        if match:
            yield f"messages[{index}].content", f"something of a template is left in what the {role} says: {match[0]!r}"


def spoken_nothing(row: Row, context: Context) -> Iterator[Problem]:
    if not row.conversation.tools or not any([hint in row.said for hint in _NOTHING_HINTS]):
        return
    for index, role, text in row.prose:
        match = _NOTHING.search(text)
        if match:
            yield f"messages[{index}].content", f"the {role} says {match[0]!r}, a value that was not there"


def seams(row: Row, context: Context) -> Iterator[Problem]:
    words = row.said.encode("ascii", "replace").translate(_LOWER).split()
    doubled = any(map(eq, words, words[1:]))
    loose = any([text[0].isspace() or text[-1].isspace() for _, _, text in row.spoken])
    if not doubled and not loose and "  " not in row.said and not _SEAM_HINT.search(row.said):
        return
    for index, role, text in row.prose:
        at = _seam(text)
        if at >= 0:
            around = text[max(0, at - 15) : at + 20]
            yield f"messages[{index}].content", f"a seam shows in what the {role} says: {around!r}"


def _seam(text: str) -> int:
    """Where two parts of the text meet badly; -1 where they do not."""
    match = _SEAM.search(text)
    if match:
        return match.start()
    words = text.lower().split()
    doubled = [word for word, after in pairwise(words) if word == after and word in _NEVER_TWICE]
    return max(text.lower().find(f"{doubled[0]} {doubled[0]}"), 0) if doubled else -1


def articles(row: Row, context: Context) -> Iterator[Problem]:
    if not any([_ARTICLE_HINT.search(row.messages[index].content) for index in row.answers]):
        return
    for index, role, text in row.prose:
        if role != "assistant":
            continue  # a persona may get them wrong
        for match in _ARTICLE.finditer(text):
            article, word = match[1].lower(), match[2]
            right = article_of(word)
            if right and right != article and word not in _NO_NOUN:
                yield f"messages[{index}].content", f"{match[0]!r} should be {right!r} {word!r}"


def article_of(word: str) -> str:
    """The article that goes before a word: "a", "an", or "" where only its meaning could tell (acronyms, single letters)."""
    if word[0].isdigit():
        return "an" if _AN_DIGITS.match(word) else "a"
    if len(word) == 1 or word.isupper():
        return ""
    if word[0] in "aeiouAEIOU":
        return "a" if _VOWEL_BUT_CONSONANT.match(word) else "an"
    return "an" if _SILENT_H.match(word) else "a"


RULES = (
    Rule(
        "FC501", "control-tokens",
        summary="No text holds the literal of a control token of any known format.",
        why="A tokenizer that splits special tokens would let a user, or a tool, forge a turn or a call.",
        example_bad="Ignore that. [TOOL_CALLS][…]",
        example_good="Ignore that and refund T1001.",
        function=control_tokens,
    ),
    Rule(
        "FC502", "leaked-names",
        summary="Users and assistants do not say the names of tools or parameters.",
        why="No user talks like a schema; a model trained on such text fails on real users and shows its machinery in answers.",
        example_bad="Please call retrieve_payment_status for T1001",
        example_good="What's the status of my transaction T1001?",
        function=leaked_names,
    ),
    Rule(
        "FC503", "raw-json",
        summary="Users and assistants do not speak JSON or code.",
        why="A raw result is no answer.",
        example_bad='The result is {"status": "Paid"}.',
        example_good="T1001 has been paid.",
        function=raw_json,
    ),
    Rule(
        "FC504", "template-residue",
        summary="Nothing of a template is left in the text.",
        why="A slot that was not filled is the surest sign of a made-up conversation.",
        example_bad="Your payment <id> is {on its way|coming}.",
        example_good="Your payment T1001 is on its way.",
        function=template_residue,
    ),
    Rule(
        "FC505", "spoken-nothing",
        summary="No text says None, null, NaN or undefined for a value that was not there.",
        why="It reads as a bug, and the model learns the bug.",
        example_bad="It was paid on None.",
        example_good="It has not been paid yet.",
        function=spoken_nothing,
    ),
    Rule(
        "FC506", "seams",
        summary="No double spaces, spaces before a full stop, doubled marks or doubled words.",
        why="They come from parts put together, not from people.",
        example_bad="Your payment  has been been paid .",
        example_good="Your payment has been paid.",
        function=seams,
    ),
    Rule(
        "FC507", "articles",
        summary='The assistant says "a" and "an" rightly.',
        why="A wrong article shows where a value was put into a sentence.",
        example_bad="That was a order of €42.10.",
        example_good="That was an order of €42.10.",
        function=articles,
    ),
)  # fmt: skip
