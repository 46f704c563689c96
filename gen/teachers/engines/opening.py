"""Open the engine of a teacher's name. What an engine needs is imported only when it is asked for."""

from __future__ import annotations

from gen.errors import BadInput
from gen.recipe import Teacher
from gen.teachers.naming import TeacherName
from gen.teachers.request import Engine


def open_engine(name: TeacherName, settings: Teacher) -> Engine:
    """What runs this model. Raises BadInput where a package is missing or the model cannot be used, OutsideFailed where nobody answers."""
    if name.kind == "server" and not name.address:
        raise BadInput(f"{name} names no address to ask", allowed=f"server:http://HOST:PORT/v1#{name.model}")
    if name.kind == "server":
        from gen.teachers.engines.server import ServerEngine

        return ServerEngine(name.address, name.model, concurrency=settings.concurrency)
    if name.kind == "local":
        from gen.teachers.engines.local import LocalEngine

        return LocalEngine(name.model, slots=settings.concurrency)
    from gen.teachers.engines.vllm import VllmEngine

    return VllmEngine(name.model, concurrency=settings.concurrency)
