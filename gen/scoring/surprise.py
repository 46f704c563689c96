"""How surprised models are by plain chat, as numbers: what ``forgetting.py`` finds, and needs no library to be shown."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gen.conversation import JsonObject


@dataclass(frozen=True, slots=True)
class Surprise:
    """The loss of all tokens of the answers, and how many tokens there are."""

    loss: float
    tokens: int

    @property
    def perplexity(self) -> float:
        """As if each token had been drawn from so many that are equally likely."""
        return math.exp(min(self.loss / max(1, self.tokens), 700))

    def to_json(self) -> JsonObject:
        return {"perplexity": self.perplexity, "tokens": self.tokens}


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Plain chat before and after. Where two models cut texts into other tokens, the ratio is for a token of the one before."""

    before: Surprise
    after: Surprise
    compared: str
    chats: int

    @property
    def ratio(self) -> float:
        """How many times larger the perplexity is: 1 where nothing was forgotten."""
        return math.exp(min((self.after.loss - self.before.loss) / max(1, self.before.tokens), 700))

    def to_json(self) -> JsonObject:
        told = {"before": self.before.to_json(), "after": self.after.to_json(), "ratio": self.ratio}
        return told | {"compared": self.compared, "chats": self.chats}
