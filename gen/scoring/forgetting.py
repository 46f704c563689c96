"""The forgetting guard: how surprised a model is by plain chat, before and after it was taught to call.

No tool, no thought, no call: exchanges that any model that chats should find likely. Only the answers count. A model that learned to call
and lost its language shows here first; none of the other metrics would tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gen.conversation import Conversation, Message
from gen.corpus.reading import read_rows
from gen.errors import BadInput
from gen.rendering.templates import rendered
from gen.rendering.tokens import UNTRAINED, Encoder
from gen.scoring.forms import chat_tokens
from gen.scoring.local_model import LocalModel
from gen.scoring.surprise import Surprise
from gen.training.data import Example
from gen.yaml_file import read_yaml

OURS = Path(__file__).with_name("plain_chats.yaml")


def plain_chats(file: Path | None = None) -> list[Conversation]:
    """The exchanges that come with fcgen, or conversations of a file. Raises BadInput where a file has none without tools."""
    if file is None:
        pairs = read_yaml(OURS).data
        return [
            Conversation(f"plain-{number}", (Message("user", pair["user"]), Message("assistant", pair["assistant"])))
            for number, pair in enumerate(pairs)
        ]
    rows = [row for row in read_rows(file) if not row.tools and not any(message.tool_calls for message in row.messages)]
    if not rows:
        raise BadInput("there is no conversation without tools", where=str(file), allowed='{"messages": [{"role", "content"}, …]} a line')
    return rows


def surprise(model: LocalModel, chats: Sequence[Conversation], turns: str = "") -> Surprise:
    """How surprised a model is by the answers of these chats, in its own turns. Raises BadInput where it can say none of them."""
    from gen.training.exactness import judged
    from gen.training.loss import teach_loss
    from gen.training.packing import width_of

    make = _in_template(model) if model.chosen.template else _in_chat(model, turns)
    examples = [Example(chat.id, np.asarray(ids, np.int32), np.asarray(labels, np.int32)) for chat in chats for ids, labels in make(chat)]
    if not examples:
        raise BadInput(f"{model.name} can say none of the plain chats", hint="--plain names a file of others")
    if "forward" not in vars(model.model):
        teach_loss(model.model)
    tokens = sum(example.trained for example in examples)
    with model.active():
        found = judged(model.model, examples, width=width_of(examples), batch=4, padding=model.tokenizer.pad_token_id or 0)
    return Surprise(found.loss * tokens, tokens)


Encoded = Iterator[tuple[Sequence[int], Sequence[int]]]
"""A chat as ids and labels; nothing where a form cannot say it."""


def _in_template(model: LocalModel) -> Callable[[Conversation], Encoded]:
    """In the turns of the template that the model is asked in: all answers count."""
    assert model.chosen.template is not None
    bare = replace(model.chosen.template, added_tokens=())
    encoder = Encoder(model.tokenizer, bare)

    def make(chat: Conversation) -> Encoded:
        told = rendered(chat, bare)
        if not told.refused:
            encoded = encoder.encode(told.spans)
            yield encoded.input_ids, encoded.labels

    return make


def _in_chat(model: LocalModel, turns: str) -> Callable[[Conversation], Encoded]:
    """By the model's chat template: the last answer counts, behind the prompt that asks for it."""
    tokens = chat_tokens(model.tokenizer, turns)

    def make(chat: Conversation) -> Encoded:
        *before, last = chat.messages
        if last.role == "assistant" and before and not any(message.role == "tool" for message in before):
            prompt = tokens([(message.role, message.content) for message in before if message.role != "tool"])
            answer = model.tokenizer(last.content, add_special_tokens=False, split_special_tokens=True)["input_ids"]
            yield [*prompt, *answer], [*[UNTRAINED] * len(prompt), *answer]

    return make
