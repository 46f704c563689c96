"""A talk between a person and a model that calls a domain's tools: what ``fcgen chat`` does, without a terminal.

The scene (who is signed in, the day, the system message) is one that a plan of the domain could have; every call is executed in the
domain's environment, and what was done stays done until the talk is begun anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import count

from gen.conversation import Conversation, JsonObject, Message, Plan
from gen.environments.sql import SqlEngine
from gen.errors import unknown_name
from gen.planning.draws import NothingFits
from gen.planning.planner import Planned, Planner
from gen.recipe import build_recipe
from gen.scoring.played import PlayedTurn
from gen.scoring.playing import play_turn
from gen.scoring.settings import Bounds
from gen.scoring.speaking import Speaker
from gen.scoring.worlds import Executed
from gen.synthesis.opening import open_domain
from gen.teachers.grammar import NoPhrase
from gen.tools.catalogue import find_domain
from gen.yaml_file import YamlFile

NAME = "chat"
"""The id of a talk: fresh ids of the environment follow from it."""

TRIES = 100
"""Plans that are looked at for an example of what could be said: one message, for which the tools on offer do."""


@dataclass(frozen=True)
class Scene:
    """Where a talk happens.

    Attributes:
        system: the system message; "" for none.
        tools: the tools on offer, in wire form.
        example: something that the signed-in person might say.
    """

    domain: str
    system: str
    tools: tuple[JsonObject, ...]
    today: str
    person: str
    engine: SqlEngine
    example: str = ""


def open_scene(domain: str, *, seed: int = 7, only: Collection[str] = ()) -> Scene:
    """A scene of a domain; another seed is another database and another person.

    Args:
        only: the tools on offer; all of them, if empty.

    Raises BadInput where there is no such domain, or it has no such tool.
    """
    folder = find_domain(domain, where="--tools").folder
    recipe = build_recipe(YamlFile(folder, {"name": NAME, "seed": seed, "tools": {"domains": [domain]}}))
    opened = open_domain(domain, recipe)
    known = opened.planner.tools
    for name in only:
        if name not in known:
            raise unknown_name("tool", name, known, where="--only")
    offered = [name for name in known if not only or name in only]
    planner = Planner(recipe, [opened.planner])
    for slot in count():
        try:
            planned = planner.plan(slot, 0)
            if not planned.system or planned.policy:
                continue
            said = opened.teacher.rehearse(planned)
        except (NothingFits, NoPhrase):
            continue
        called = {call.name for call in planned.plan.calls}
        example = _first_line(planned, said.lines[0][1]) if called and called <= set(offered) else ""
        if not example and slot < TRIES:
            continue
        return Scene(
            domain=opened.domain.name,
            system=said.system,
            tools=tuple(known[name].schema.wire for name in offered),
            today=planned.plan.today,
            person=planned.plan.person,
            engine=opened.worlds[planned.plan.world],
            example=example,
        )
    raise AssertionError("slots do not end")


def _first_line(planned: Planned, line: str) -> str:
    """What a person would say first; nothing where that takes more than one message."""
    return line if sum(step.speaker == "user" for step in planned.steps) == 1 else ""


@dataclass
class Talk:
    """A talk as far as it is.

    Attributes:
        thinks: whether the model may think first, where its format has a switch for that.
    """

    scene: Scene
    speaker: Speaker
    bounds: Bounds
    thinks: bool = True
    messages: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin(self.scene.system)

    def begin(self, system: str) -> None:
        """Begin anew, with this system message: nothing was said, nothing was done."""
        self.messages = [Message("system", system)] if system else []
        self.speaker.forget(NAME)
        self._world = Executed(self.row(), self.scene.engine)

    @property
    def system(self) -> str:
        return next((message.content for message in self.messages if message.role == "system"), "")

    async def say(self, text: str, heard: Callable[[Message], None]) -> PlayedTurn:
        """Say something, and hear what the model does, message by message. What was said stays said, however this ends."""
        self.messages.append(Message("user", text))
        talk = self.row()

        def take(message: Message) -> None:
            self.messages.append(message)
            heard(message)

        return await play_turn(talk, self.speaker, self._world, view=NAME, thinks=self.thinks, bounds=self.bounds, heard=take)

    def row(self) -> Conversation:
        """The talk so far as a row."""
        plan = Plan(today=self.scene.today, person=self.scene.person)
        return Conversation(NAME, tuple(self.messages), self.scene.tools, domain=self.scene.domain, scenario=NAME, plan=plan)
