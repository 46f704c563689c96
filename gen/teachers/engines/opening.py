"""Open the engine of a teacher's name. What an engine needs is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from gen.errors import BadInput
from gen.recipe import Teacher
from gen.teachers.naming import TeacherName
from gen.teachers.request import Engine

Note = Callable[[str], None]
"""Who hears what a user should know: what a server does not enforce, that memory took slots away."""


def open_engine(name: TeacherName, settings: Teacher, note: Note) -> Engine:
    """What runs this model. Raises BadInput where a package is missing or the model cannot be used, OutsideFailed where nobody answers."""
    if name.kind == "server":
        from gen.teachers.engines.server import CONCURRENCY, ServerEngine

        if not name.address:
            raise BadInput(f"{name} names no address to ask", allowed=f"server:http://HOST:PORT/v1#{name.model}")
        return ServerEngine(name, concurrency=settings.concurrency or CONCURRENCY, note=note)
    if name.kind == "local":
        from gen.teachers.engines.local import LocalEngine

        return LocalEngine(name.model, slots=settings.concurrency, note=note)
    from gen.teachers.engines.vllm import VllmEngine

    return VllmEngine(name.model)
