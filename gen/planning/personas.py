"""How users speak: personas as rates, read from ``personas.yaml`` beside this file. Which one speaks is part of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from gen.yaml_file import read_yaml


@dataclass(frozen=True, slots=True)
class Persona:
    """Rates (0 to 1) of what a speaker does; ``forms`` weighs the forms of a request (do, want, know, ask, say, short); ``manner``
    tells a language model how this user writes."""

    name: str
    voice: Mapping[str, float]
    forms: Mapping[str, float]
    manner: str = ""
    formal: bool = False
    greeting: float = 0.0
    thanks: float = 0.0
    aside: float = 0.0
    why: float = 0.0
    urgency: float = 0.0
    typos: float = 0.0
    abbreviations: float = 0.0
    no_punctuation: float = 0.0
    run_on: float = 0.0
    exclaim: float = 0.0
    drop_article: float = 0.0
    question_mark_drop: float = 0.0
    non_native: float = 0.0
    hedge: float = 0.0
    extra: Mapping[str, Any] = field(default_factory=dict)


@cache
def personas() -> Mapping[str, Persona]:
    """Every persona, by name."""
    data = read_yaml(Path(__file__).with_name("personas.yaml")).data
    return {name: Persona(name=name, **rates) for name, rates in data.items()}
