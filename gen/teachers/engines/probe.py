"""What a server really does with what fcgen may ask of it: ``fcgen teacher probe server:URL#MODEL``.

A few dozen short requests, one after another. Nothing is believed that did not show in a reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from gen.conversation import JsonObject
from gen.errors import OutsideFailed
from gen.teachers.engines.canary import CANARIES, Verdict, learns, sing
from gen.teachers.engines.server_asking import Exchange, Patience, PatientClient
from gen.teachers.engines.server_known import TIERS, Known, Tier, written_body
from gen.teachers.engines.server_reply import Broken, Reply, Said, error_of, quoted, said
from gen.teachers.naming import TeacherName
from gen.teachers.request import ChatMessage

SOME_WORDS = 100
MANY_WORDS = 3000
"""Words of a long prompt: less than any model in use takes, more than what a server set up with too little room keeps."""

STORY: ChatMessage = ("user", "Tell a story of a lighthouse, in many words.")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was asked of the server, what became of it (enforced, ignored, refused, yes, no, unknown), and the particulars."""

    what: str
    outcome: str
    detail: str = ""

    def to_json(self) -> JsonObject:
        return {"what": self.what, "outcome": self.outcome, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Probe:
    """All that was found, the way in which fcgen will send schemas there, and what a user should know."""

    teacher: str
    address: str
    tier: Tier
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def to_json(self) -> JsonObject:
        findings = [finding.to_json() for finding in self.findings]
        return {"teacher": self.teacher, "address": self.address, "tier": self.tier, "findings": findings, "notes": list(self.notes)}


async def probe(name: TeacherName, *, patience: Patience | None = None) -> Probe:
    """Ask everything. Raises OutsideFailed where the server does not answer."""
    client = PatientClient(name.address, name.model, concurrency=1, patience=patience or Patience(timeout=120.0))
    learnt = Known()
    try:
        looking = _Looking(client, learnt)
        plain = await looking.plain()
        verdicts = {kind: await sing(client, learnt, kind) for kind in CANARIES}
        rest = [await looking.system(), await looking.seed(), await looking.bound(), await looking.long_prompt()]
        held: list[Tier] = [tier for tier in TIERS if tier in verdicts and verdicts[tier].outcome == "enforced"]
        findings = [*(_of_canary(kind, verdict) for kind, verdict in verdicts.items()), *rest, *plain]
        return Probe(str(name), name.address, held[0] if held else "free", tuple(findings), tuple(learnt.notes))
    finally:
        await client.close()


def _of_canary(kind: str, verdict: Verdict) -> Finding:
    words = quoted(str(error_of(Reply(verdict.status, verdict.words.encode()))["message"])) if verdict.words else ""
    return Finding(kind, str(verdict), words)


class _Looking:
    """What is not found by a canary: each a request or two, and a look at what came."""

    def __init__(self, client: PatientClient, learnt: Known) -> None:
        self.client = client
        self.learnt = learnt

    async def plain(self) -> list[Finding]:
        """A request with nothing in it that a server might not know: is it answered, in what time, and are tokens counted?"""
        heard, seconds = await self._heard([("user", "Say hello.")], 16)
        counts = heard.tokens_in > 0 and heard.tokens_out > 0
        usage = Finding("usage reported", "yes" if counts else "no", "" if counts else "tokens and costs will not be known")
        return [usage, Finding("latency", f"{seconds:.2f} s", f"{heard.tokens_out} tokens")]

    async def system(self) -> Finding:
        """Whether a system message is taken, and comes to the prompt: then the prompt is longer by it."""
        without, _ = await self._heard([("user", "Say hello.")], 4)
        known = self.learnt.no_system
        heard, _ = await self._heard([("system", "word " * SOME_WORDS), ("user", "Say hello.")], 4)
        if self.learnt.no_system and not known:
            return Finding("system role", "refused", "it will go into the first message of the user")
        if not heard.tokens_in:
            return Finding("system role", "unknown", "taken, but tokens are not reported")
        taken = heard.tokens_in - without.tokens_in >= SOME_WORDS // 2
        return Finding("system role", "yes" if taken else "ignored", f"{heard.tokens_in - without.tokens_in} tokens more with one")

    async def seed(self) -> Finding:
        """Whether the same seed draws the same text, where another draws another."""
        fields = {"temperature": 1.0, "top_p": 1.0}
        texts = []
        for number in (7, 7, 8):
            exchange = await self.client.once(partial(self._body, [STORY], 24, fields | {"seed": number}))
            if isinstance(exchange.outcome, Reply) and exchange.outcome.status in (400, 422):
                return Finding("seed", f"refused ({exchange.outcome.status})", quoted(str(error_of(exchange.outcome)["message"])))
            texts.append(_text(exchange))
        if texts[0] != texts[1]:
            return Finding("seed", "ignored", "the same seed drew another text: fcgen repeats runs from stored completions")
        return Finding("seed", "yes" if texts[2] != texts[0] else "unknown", "" if texts[2] != texts[0] else "all seeds drew one text")

    async def bound(self) -> Finding:
        """Whether ``max_tokens`` bounds a completion, and the reply says that it did."""
        heard, _ = await self._heard([STORY], 8)
        short = heard.tokens_out <= 8 if heard.tokens_out else len(heard.text.split()) <= 10
        return Finding("max_tokens", "enforced" if short else "ignored", f"{heard.tokens_out} tokens of 8, finish {heard.finish!r}")

    async def long_prompt(self) -> Finding:
        """Whether a long prompt is kept whole: some servers cut it and say nothing."""
        exchange = await self.client.once(lambda: self._body([("user", "word " * MANY_WORDS + "Say hello.")], 4, {}))
        outcome = exchange.outcome
        if isinstance(outcome, Reply) and outcome.status != 200:
            return Finding("long prompt", f"refused ({outcome.status})", quoted(str(error_of(outcome)["message"])))
        heard = said(outcome) if isinstance(outcome, Reply) else outcome
        if isinstance(heard, Broken) or not heard.tokens_in:
            return Finding("long prompt", "unknown", heard.reason if isinstance(heard, Broken) else "tokens are not reported")
        kept = heard.tokens_in >= MANY_WORDS
        detail = f"{heard.tokens_in:,} tokens of {MANY_WORDS:,} words"
        return Finding("long prompt", "kept" if kept else "cut", detail if kept else f"{detail}: serve the model with a longer context")

    async def _heard(self, messages: list[ChatMessage], room: int) -> tuple[Said, float]:
        return await self.client.answer(
            lambda: self._body(messages, room, {}),
            learns=partial(learns, self.client, self.learnt),
            strange=lambda _: "",
        )

    def _body(self, messages: list[ChatMessage], room: int, fields: JsonObject) -> bytes:
        return written_body(self.client.model, messages, {self.learnt.tokens_field: room, **fields}, self.learnt)


def _text(exchange: Exchange) -> str:
    heard = said(exchange.outcome) if isinstance(exchange.outcome, Reply) and exchange.outcome.status == 200 else exchange.outcome
    if isinstance(heard, Said):
        return heard.text
    reason = heard.reason if isinstance(heard, Broken) else f"HTTP {heard.status}"
    raise OutsideFailed(f"the server failed while it was probed: {reason}", hint="probe it again")
