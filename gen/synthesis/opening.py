"""Open what a recipe names: domains, environments, planner, teachers and checks, ready to make slots.

Done once in a process. What is slow (filling databases with Faker) can be handed to other processes as bytes.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gen.canonical import exact_json
from gen.checks.context import Context, DomainKnowledge, Replay
from gen.checks.knowledge import knowledge_of
from gen.checks.table import known_codes
from gen.conversation import Conversation, Json, JsonObject
from gen.corpus.manifest import installed_versions
from gen.environments.declaration import Declaration, declare
from gen.environments.sql import SqlEngine
from gen.errors import BadInput, unknown_name
from gen.planning.domain import DomainPlanner
from gen.planning.planner import Planner
from gen.recipe import Recipe, build_recipe
from gen.rendering.templates import TEMPLATES
from gen.teachers.naming import SIMULATOR, teacher_name
from gen.teachers.prompts import prompts_digest
from gen.teachers.simulator import Simulator
from gen.teachers.tighten import tighten
from gen.tools.catalogue import Domain, domains, find_domain
from gen.tools.schema import ToolSchema
from gen.yaml_file import YamlFile

Filled = Mapping[str, Sequence[bytes]]
"""By domain: the filled database of each world."""


@dataclass(frozen=True)
class OpenDomain:
    """A domain with its worlds, as the planner, the teacher and the checks use it."""

    domain: Domain
    declaration: Declaration
    worlds: tuple[SqlEngine, ...]
    planner: DomainPlanner
    teacher: Simulator


@dataclass(frozen=True)
class Workshop:
    """Everything that makes the slots of one recipe."""

    recipe: Recipe
    domains: Mapping[str, OpenDomain]
    planner: Planner
    knowledge: Mapping[str, DomainKnowledge]
    tools: Mapping[str, Mapping[str, JsonObject]]
    """By domain: every tool that its conversations may offer, in wire form; rows share these objects."""
    ignore: frozenset[str]

    def filled(self) -> Filled:
        """The filled databases, to open the same workshop elsewhere."""
        return {name: [world.filled() for world in opened.worlds] for name, opened in self.domains.items()}

    def unenforced(self) -> list[str]:
        """What of the tools' schemas no engine can hold a model to: ``tool: path: keyword`` each."""
        offered = {name: tool["function"]["parameters"] for tools in self.tools.values() for name, tool in tools.items()}
        return [f"{name}: {what}" for name, parameters in sorted(offered.items()) for what in tighten(parameters).unenforced]

    def context(self, *, replay: bool = False, state: str = "") -> Context:
        """What the checks may know; with ``replay`` they execute every conversation again."""
        model = self.recipe.model
        return Context(
            domains=self.knowledge,
            replay=self.replay if replay else None,
            state=state,
            near_duplicates=model.checks.near_duplicates,
            scenarios=model.scenarios,
        )

    def replay(self, conversation: Conversation) -> Replay:
        """Execute a conversation's calls again, in its world and with its passing errors."""
        opened = self.domains.get(conversation.domain)
        if opened is None:
            raise BadInput(f"the recipe does not name the domain {conversation.domain!r}", where=f"row {conversation.id}")
        world = conversation.plan.world if conversation.plan else 0
        engine = opened.worlds[world if world < len(opened.worlds) else 0]
        engine.begin(conversation.id, conversation.plan.faults if conversation.plan else {})
        try:
            results = [
                exact_json(engine.call(call.name, call.arguments)) for message in conversation.messages for call in message.tool_calls
            ]
            return Replay(tuple(results), engine.state())
        finally:
            engine.end()


def open_workshop(recipe: Recipe, filled: Filled | None = None) -> Workshop:
    """Open everything a recipe names. Raises BadInput with file:line where a part of it does not hold."""
    with no_collection():
        return _opened(recipe, filled)


@contextmanager
def no_collection() -> Iterator[None]:
    """No garbage collection meanwhile. What opening makes stays, and making rows leaves no cycles (a test looks); looking
    for them took a sixth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _opened(recipe: Recipe, filled: Filled | None) -> Workshop:
    model = recipe.model
    _check_teacher(recipe)
    if model.render.template not in TEMPLATES:
        raise unknown_name("template", model.render.template, TEMPLATES, where=recipe.where("render", "template"))
    if model.language != "en" and model.teacher.name == SIMULATOR:
        raise BadInput(f"the simulator does not speak {model.language!r}", where=recipe.where("language"), allowed="en")
    named = [find_domain(name, where=recipe.where("tools", "domains", i)) for i, name in enumerate(model.tools.domains)]
    _check_only(recipe, named)
    opened = {domain.name: _open(domain, recipe, _others(named, domain), (filled or {}).get(domain.name)) for domain in named}
    return Workshop(
        recipe=recipe,
        domains=opened,
        planner=Planner(recipe, [o.planner for o in opened.values()]),
        knowledge={name: knowledge_of(o.domain) for name, o in opened.items()},
        tools={name: {tool.name: tool.wire for tool in o.planner.sampler.all} for name, o in opened.items()},
        ignore=known_codes(model.checks.ignore, where=recipe.where("checks", "ignore")),
    )


def _check_teacher(recipe: Recipe) -> None:
    """Raises BadInput where a name of the teacher is none; the simulator plays all roles or none."""
    teacher = recipe.model.teacher
    named = {("name",): teacher.name, ("user",): teacher.user, ("judge", "name"): teacher.judge.name if teacher.judge else ""}
    for keys, name in named.items():
        where = recipe.where("teacher", *keys)
        if name and (teacher_name(name, where=where).kind == SIMULATOR) != (teacher.name == SIMULATOR):
            raise BadInput(f"{name!r} cannot speak with {teacher.name!r}", where=where, allowed="models, or the simulator alone")
    if teacher.judge is not None and teacher.name == SIMULATOR:
        raise BadInput("the simulator says what the plan says: there is nothing to judge", where=recipe.where("teacher", "judge"))


def open_domain(name: str, recipe: Recipe | None = None) -> OpenDomain:
    """Open one domain, all of it validated: tools, tables, SQL, goals, phrases. Raises BadInput with file:line."""
    domain = find_domain(name)
    if recipe is None:
        recipe = build_recipe(YamlFile(domain.folder, {"name": "check", "tools": {"domains": [name]}}))
    return _open(domain, recipe, _others([domain], domain), None)


def rows_digest(recipe: Recipe) -> tuple[str, JsonObject]:
    """What decides the bytes of rows: the recipe, the files of its domains, and the versions of what makes them.

    Returns the digest, and the same as an object whose keys can be compared.
    """
    from gen.canonical import digest

    files = {}
    for name in recipe.model.tools.domains:
        domain = find_domain(name)
        for path in sorted(domain.folder.glob("*.*")):
            files[f"{domain.name}/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    versions = {k: v for k, v in installed_versions().items() if k in ("fcgen", "faker")}
    decided = recipe.pinned() | {"teacher": _decides(recipe), "schemas": files, "versions": versions}
    return digest(decided), decided


def _decides(recipe: Recipe) -> Json:
    """What of a teacher decides the bytes of rows: of models their names and how they are asked, wherever they run."""
    teacher = recipe.model.teacher
    if teacher.name == SIMULATOR:
        return SIMULATOR
    decides = teacher.model_dump(mode="json", exclude={"concurrency", "price"}, exclude_defaults=True)
    decides |= {"name": _without_address(teacher.name), "prompts": prompts_digest()}
    if teacher.user:
        decides["user"] = _without_address(teacher.user)
    if teacher.judge is not None:
        decides["judge"] = teacher.judge.model_dump(mode="json") | {"name": _without_address(teacher.judge.name or teacher.name)}
    return decides


def without_addresses(recipe: Recipe) -> Recipe:
    """The recipe as a corpus tells it: where a server stands is nobody's business, and no part of what was made."""
    teacher = recipe.model.teacher
    judge = teacher.judge and teacher.judge.model_copy(update={"name": _without_address(teacher.judge.name)})
    told = {"name": _without_address(teacher.name), "user": _without_address(teacher.user), "judge": judge}
    return Recipe(recipe.model.model_copy(update={"teacher": teacher.model_copy(update=told)}), recipe.origin)


def _without_address(name: str) -> str:
    return str(teacher_name(name)) if name else ""


def _open(domain: Domain, recipe: Recipe, others: Sequence[ToolSchema], filled: Sequence[bytes] | None) -> OpenDomain:
    declaration = declare(domain)
    worlds = _worlds(declaration, recipe, domain.name, filled)
    planner = DomainPlanner(domain, declaration, worlds, recipe, others)
    return OpenDomain(domain, declaration, worlds, planner, Simulator(planner, recipe))


def _worlds(declaration: Declaration, recipe: Recipe, name: str, filled: Sequence[bytes] | None) -> tuple[SqlEngine, ...]:
    """One world for each of the recipe's days: filled once, then moved in time."""
    model = recipe.model
    if filled is not None:
        pairs = zip(model.today, filled, strict=True)
        return tuple(SqlEngine(declaration, seed=model.seed, domain=name, today=today, filled=data) for today, data in pairs)
    first = SqlEngine(declaration, seed=model.seed, domain=name, today=model.today[0])
    data = first.filled()
    return first, *(
        SqlEngine(declaration, seed=model.seed, domain=name, today=today, filled=data, moved=(today - model.today[0]).days)
        for today in model.today[1:]
    )


def _others(named: Sequence[Domain], domain: Domain) -> list[ToolSchema]:
    """Tools of other domains: those that the recipe names too, or, if it names one only, those that come with fcgen."""
    others = [other for other in named if other.name != domain.name]
    if not others:
        others = [Domain(name, folder) for name, folder in domains().items() if name != domain.name]
    return [tool for other in others for tool in other.tools.values()]


def _check_only(recipe: Recipe, named: Sequence[Domain]) -> None:
    known = [tool for domain in named for tool in domain.tools]
    for i, name in enumerate(recipe.model.tools.only):
        if name not in known:
            raise unknown_name("tool", name, known, where=recipe.where("tools", "only", i))
