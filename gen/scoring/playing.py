"""A conversation of a corpus played again with a model in the assistant's place; and many of them at a time.

The corpus's user speaks, the model answers, what it calls is answered by a world, until it says something without a call. Then
the user's next message comes, whatever was said: it is the corpus's. Nothing is judged here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from gen.conversation import Conversation, Message
from gen.scoring.played import Played, PlayedTurn
from gen.scoring.settings import Bounds, History
from gen.scoring.speaking import Speaker
from gen.scoring.worlds import World

Heard = Callable[[Message], None]
"""Who hears each message of a turn as soon as it is there."""


async def play(row: Conversation, speaker: Speaker, world: World, *, history: History, bounds: Bounds) -> Played:
    """What a model does in a conversation. With ``gold`` history each turn begins from what the corpus's assistant had said."""
    thinks = any(message.reasoning_content for message in row.messages)
    messages: list[Message] = []
    turns: list[PlayedTurn] = []
    try:
        for index, message in enumerate(row.messages):
            if message.role not in ("system", "user"):
                continue
            messages.append(message)
            if message.role == "user":
                before = row.messages[: index + 1] if history == "gold" else messages
                world.turn(index)
                talk = replace(row, messages=tuple(before), untrained=())
                turn = await play_turn(talk, speaker, world, view=row.id, thinks=thinks, bounds=bounds)
                messages += turn.messages
                turns.append(turn)
    finally:
        speaker.forget(row.id)
    return Played(row.id, tuple(turns), world.state())


async def play_turn(
    talk: Conversation, speaker: Speaker, world: World, *, view: str, thinks: bool, bounds: Bounds, heard: Heard = lambda _: None
) -> PlayedTurn:
    """What a model does between one message of the user and the next."""
    said: list[Message] = []

    def take(message: Message) -> None:
        said.append(message)
        heard(message)

    for _ in range(bounds.rounds + 1):
        answer = await speaker.say(replace(talk, messages=(*talk.messages, *said)), view=view, thinks=thinks)
        if answer.message is None:
            return PlayedTurn(tuple(said), answer.unread, answer.problem)
        take(answer.message)
        for call in answer.message.tool_calls:
            result = world.call(call)
            if result is None:
                return PlayedTurn(tuple(said))  # nobody knows what comes back: here the turn ends
            take(Message("tool", result, tool_call_id=call.id, name=call.name))
        if not answer.message.tool_calls:
            return PlayedTurn(tuple(said))
    return PlayedTurn(tuple(said), problem=f"after {bounds.rounds} messages with calls there was no answer")


async def play_all(
    rows: Sequence[Conversation],
    play_one: Callable[[Conversation], Awaitable[Played]],
    *,
    concurrency: int,
    played: Callable[[Conversation, Played], None],
) -> None:
    """Play each row, so many at a time; ``played`` hears of each as it ends. Raises the first failure, when all others have stopped."""
    waiting = iter(rows)

    async def one_after_another() -> None:
        for row in waiting:
            played(row, await play_one(row))

    tasks = [asyncio.create_task(one_after_another()) for _ in range(min(concurrency, len(rows)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
