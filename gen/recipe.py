"""The recipe: one YAML file that says which corpus to make.

Validated as a whole, with defaults and a digest. What names mean (scenarios, personas, checks, templates, domains,
teachers) is validated by the stage that owns them, through ``Recipe.where`` for the line.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from gen.canonical import digest
from gen.errors import BadInput, did_you_mean, unknown_name
from gen.shipped import places
from gen.yaml_file import Keys, YamlFile, parse_yaml, read_yaml

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Offered(_Part):
    """How many tools a conversation offers."""

    min: int = Field(3, ge=1)
    max: int = Field(8, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Offered:
        if self.max < self.min:
            raise ValueError(f"max ({self.max}) is below min ({self.min})")
        return self


class DistractorShares(_Part):
    """Shares of the tools that are offered without being needed."""

    near: Share = Field(0.6, description="similar to the needed tool")
    far: Share = Field(0.1, description="from another domain")


class Tools(_Part):
    """Which tools, and how many of them a conversation offers."""

    domains: list[str] = Field(min_length=1, description="folders of schemas/")
    only: list[str] = Field(default_factory=list, description="tools of these domains that are used; all, if empty")
    offered: Offered = Field(default_factory=lambda: Offered(min=3, max=8))
    distractors: DistractorShares = Field(default_factory=lambda: DistractorShares(near=0.6, far=0.1))


class Checks(_Part):
    """What is asked of every row."""

    ignore: list[str] = Field(default_factory=list, description="codes of rules that do not count")
    near_duplicates: Share = Field(
        0.7, description="3-gram Jaccard similarity of what users say above which a row is a near-duplicate; 1 turns it off"
    )


class Render(_Part):
    template: str = "gemma"


class Push(_Part):
    to: str = ""
    private: bool = True


class Lora(_Part):
    """The factors that are learned beside each linear layer."""

    r: int = Field(32, ge=1, description="rank: how much can be learned")
    alpha: int = Field(32, ge=1, description="what is learned counts alpha / r")
    dropout: Share = 0.0


class Train(_Part):
    """How ``fcgen train`` teaches a model. What is empty follows from the base and from how much there is to learn."""

    base: str = Field("google/gemma-2-2b-it", description="a folder, a name on the Hub, or tiny")
    lora: Lora = Field(default_factory=lambda: Lora(r=32, alpha=32))
    epochs: float | None = Field(None, gt=0, allow_inf_nan=False, description="times that every row is seen")
    learning_rate: float | None = Field(None, gt=0, allow_inf_nan=False)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: Share = Field(0.03, description="share of the steps in which the rate rises")
    batch: int | None = Field(None, ge=1, description="bins of packed rows that a device computes at a time")
    accumulate: int = Field(1, ge=1, description="times that before the weights move")
    max_length: int = Field(2048, ge=16, description="tokens of the longest row; a longer one is refused, never cut")
    packing: bool = Field(True, description="several rows in a bin")
    weight_decay: float = Field(0.0, ge=0, allow_inf_nan=False)
    clip: float = Field(1.0, gt=0, allow_inf_nan=False, description="the largest norm of a gradient")
    checkpointing: bool = Field(False, description="compute activations again instead of keeping them: less memory, a third more time")
    attention: str = Field("", description="eager, flex_attention, flash_attention_2, sdpa; what is right for the base, if empty")
    quantize: Literal["none", "4bit"] = Field(
        "none", description="4bit: the base's linear layers in NF4 (QLoRA); needs bitsandbytes and a GPU"
    )
    held_out: int = Field(64, ge=0, description="held-out rows that are looked at while it trains")
    report_to: list[Literal["tensorboard", "trackio", "wandb"]] = Field(
        default_factory=list,
        description="who else hears the metrics; wandb sends them to its servers, trackio to a Space where it is told one",
    )
    seed: int = Field(0, ge=0)


class Price(_Part):
    """What a million tokens cost, in whatever currency ``--max-cost`` is in."""

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)


class Judge(_Part):
    """A model that reads accepted conversations and refuses what falls below ``least`` in any point of the rubric."""

    name: str = Field("", description="a teacher's name; the assistant's own model, if empty")
    least: int = Field(3, ge=1, le=5, description="the lowest mark, from 1 to 5, that passes in every point")
    rubric: list[str] = Field(
        default_factory=lambda: [
            "The user sounds like a person with this wish, and gives nothing away that such a person would not know.",
            "The assistant's answers say what the results say, completely and without anything made up.",
            "The assistant acts only when it knows enough, and asks or declines where it has to.",
        ],
        min_length=1,
    )


class Teacher(_Part):
    """Who speaks: the simulator, or a language model as both user and assistant (or two of them)."""

    name: str = Field("simulator", description="simulator, local:MODEL, vllm:MODEL or server:http://HOST:PORT/v1#MODEL")
    user: str = Field("", description="another model as the user; the same, if empty")
    guidance: Literal["none", "plan"] = Field("none", description="plan: the assistant's model sees the expected calls (for weak models)")
    temperature: float = Field(0.8, ge=0, le=2)
    top_p: float = Field(0.95, gt=0, le=1)
    max_tokens: int = Field(768, ge=64, description="of one turn")
    tries: int = Field(3, ge=1, description="of one turn, until it can be read and its calls fit their schemas")
    turns: int = Field(40, ge=2, description="of the assistant in one conversation, before it is given up")
    keep_repaired: bool = Field(True, description="keep rows in which a failed call was repaired; the failed one is not trained on")
    concurrency: int | None = Field(
        None, ge=1, description="requests in flight at a server (64), or slots of a local model (by its device), if not given"
    )
    price: Price | None = Field(None, description="per million tokens; --max-cost needs it")
    judge: Judge | None = None


def _as_teacher(value: Any) -> Any:
    """``teacher: simulator`` is short for ``teacher: {name: simulator}``."""
    return {"name": value} if isinstance(value, str) else value


class RecipeModel(_Part):
    """A recipe, resolved: every key has a value."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="lower-case letters, digits, - and _; also the corpus's folder")
    description: str = ""
    rows: int = Field(1000, ge=1, description="accepted conversations")
    seed: int = Field(7, ge=0)
    tools: Tools
    scenarios: dict[str, Weight] = Field(default_factory=lambda: {"single": 1.0}, description="weights")
    personas: dict[str, Weight] = Field(default_factory=dict, description="weights; all of them alike, if empty")
    thoughts: Share = Field(0.75, description="share of calls before which the assistant thinks aloud")
    language: str = "en"
    today: Annotated[list[datetime.date], BeforeValidator(_as_list, datetime.date | list[datetime.date]), Field(min_length=1)] = Field(
        default_factory=lambda: [datetime.date(2026, 3, 17)], description="the day, or days, on which conversations play"
    )
    teacher: Annotated[Teacher, BeforeValidator(_as_teacher, str | Teacher)] = Field(
        default_factory=lambda: Teacher.model_validate({}), description="who speaks; its name, or a mapping with one"
    )
    attempts: int = Field(60, ge=1, description="tries that a slot has before the run falls short")
    splits: dict[str, Weight] = Field(default_factory=lambda: {"train": 0.9, "test": 0.1})
    checks: Checks = Field(default_factory=lambda: Checks(near_duplicates=0.7))
    render: Render = Field(default_factory=Render)
    push: Push = Field(default_factory=Push)
    train: Train = Field(default_factory=lambda: Train.model_validate({}))

    @model_validator(mode="after")
    def _weights(self) -> RecipeModel:
        for key in ("scenarios", "splits"):
            if sum(getattr(self, key).values()) <= 0:
                raise ValueError(f"{key}: no weight is above zero")
        return self


@dataclass(frozen=True)
class Origin:
    """Where the keys of a recipe came from: its file, and the keys that ``--set`` gave."""

    source: YamlFile
    overridden: tuple[str, ...] = ()

    def where(self, *keys: str | int) -> str:
        """``file:line`` of a key, or the ``--set`` that gave it."""
        dotted = ".".join(map(str, keys))
        for name in self.overridden:
            if dotted == name or dotted.startswith(name + ".") or name.startswith(dotted + "."):
                return f"--set {name}"
        return self.source.where(*keys)


@dataclass(frozen=True)
class Recipe:
    """A resolved recipe, and where its keys came from, for the places of errors."""

    model: RecipeModel
    origin: Origin

    def where(self, *keys: str | int) -> str:
        return self.origin.where(*keys)

    def to_json(self) -> dict[str, Any]:
        """The resolved recipe as JSON values, with every default filled in; of a teacher and of training only what differs from it."""
        teacher = self.model.teacher.model_dump(mode="json", exclude_defaults=True) | {"name": self.model.teacher.name}
        train = {"base": self.model.train.base} | self.model.train.model_dump(mode="json", exclude_defaults=True)
        return self.model.model_dump(mode="json") | {"teacher": teacher["name"] if len(teacher) == 1 else teacher, "train": train}

    def pinned(self) -> dict[str, Any]:
        """What decides a row's bytes: the recipe without what only concerns how many rows, or what is done with them later."""
        return {k: v for k, v in self.to_json().items() if k not in ("rows", "description", "attempts", "render", "push", "train")}

    def digest(self) -> str:
        return digest(self.pinned())

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.to_json(), sort_keys=False, allow_unicode=True, width=120)


def recipes() -> dict[str, Path]:
    """Every recipe that can be named, with its file; the working folder's own hide ours of the same name."""
    found: dict[str, Path] = {}
    for place in reversed(places("recipes")):
        if place.is_dir():
            found |= {path.stem: path for path in sorted(place.glob("*.yaml"))}
    return dict(sorted(found.items()))


def find_recipe(name: str) -> Path:
    """The file of a recipe: by name, or a path to a YAML file. Raises BadInput with what there is."""
    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise BadInput(
                f"there is no recipe file {name!r}", hint="fcgen recipes lists the recipes that are here; fcgen recipes new writes one"
            )
        return path
    known = recipes()
    if name not in known:
        raise unknown_name("recipe", name, known)
    return known[name]


def load_recipe(name: str, *, changes: Sequence[str] = ()) -> Recipe:
    """Find, read and validate a recipe, with ``key=value`` changes applied. Raises BadInput with file:line."""
    return build_recipe(read_yaml(find_recipe(name)), changes=changes)


def build_recipe(source: YamlFile, *, changes: Sequence[str] = ()) -> Recipe:
    """Validate a parsed recipe file."""
    if not isinstance(source.data, dict):
        raise BadInput("the recipe holds no mapping", where=str(source.path), allowed="keys such as name: and tools:")
    data = source.data
    overridden = []
    for change in changes:
        data, key = changed(data, change)
        overridden.append(key)
    origin = Origin(source, tuple(overridden))
    try:
        return Recipe(RecipeModel.model_validate(data), origin)
    except ValidationError as error:
        raise _first_problem(error, origin) from None


def changed(data: dict[str, Any], change: str) -> tuple[dict[str, Any], str]:
    """A mapping with a ``key=value`` of ``--set`` in it, and the key. Raises BadInput where it is none."""
    key, equals, text = change.partition("=")
    keys = key.strip().split(".")
    if not equals or not all(keys):
        raise BadInput(f"{change!r} is no change of a recipe", where="--set", allowed="key=value, such as scenarios.parallel=30")
    value = parse_yaml(text, Path(f"--set {key}")).data
    copy = dict(data)
    here = copy
    for part in keys[:-1]:
        child = here.get(part)
        if part == "teacher":
            child = _as_teacher(child)
        if child is not None and not isinstance(child, dict):
            raise BadInput(f"{part!r} holds no keys", where=f"--set {key}")
        here[part] = dict(child or {})
        here = here[part]
    here[keys[-1]] = value
    return copy, key.strip()


def _first_problem(error: ValidationError, origin: Origin) -> BadInput:
    problem = error.errors()[0]
    keys: Keys = tuple(part for part in problem["loc"] if isinstance(part, str | int))
    dotted = ".".join(map(str, keys))
    where = origin.where(*keys)
    if problem["type"] == "extra_forbidden":
        allowed = _keys_at(keys[:-1])
        return BadInput(f"unknown key {dotted!r}", where=where, allowed=", ".join(allowed), hint=did_you_mean(str(keys[-1]), allowed))
    if problem["type"] == "missing":
        return BadInput(f"the key {dotted!r} is missing", where=where)
    message = problem["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    named = "" if where == f"--set {dotted}" else dotted
    shown = "" if isinstance(problem["input"], dict) else repr(problem["input"])
    told = " ".join(filter(None, (named, shown)))
    return BadInput(f"{told}: {message}" if told else message, where=where)


def _keys_at(keys: Iterable[str | int]) -> list[str]:
    model: type[BaseModel] = RecipeModel
    for key in keys:
        annotation = model.model_fields[str(key)].annotation
        inner = next((part for part in (annotation, *get_args(annotation)) if isinstance(part, type) and issubclass(part, BaseModel)), None)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def build_train(settings: dict[str, Any], changes: Sequence[str] = ()) -> Train:
    """Settings of training, with ``key=value`` changes applied (``lora.r=32``). Raises BadInput with the key."""
    whole = {"train": settings}
    for change in changes:
        if "=" not in change:
            raise BadInput(f"{change!r} changes no setting", where="--set", allowed="key=value, such as lora.r=32")
        whole, _ = changed(whole, f"train.{change.removeprefix('train.')}")
    try:
        return Train.model_validate(whole["train"])
    except ValidationError as error:
        problem = error.errors()[0]
        raise _train_problem(problem["type"], problem["loc"], problem["msg"], problem["input"]) from None


def _train_problem(kind: str, place: tuple[str | int, ...], said: str, value: Any) -> BadInput:
    dotted = ".".join(map(str, ("train", *place)))
    if kind == "extra_forbidden":
        allowed = _keys_at(("train", *place[:-1]))
        return BadInput(f"unknown key {dotted!r}", allowed=", ".join(allowed), hint=did_you_mean(str(place[-1]), allowed))
    return BadInput(f"{dotted} {value!r}: {said[:1].lower()}{said[1:]}")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a recipe, for editors."""
    return RecipeModel.model_json_schema()
