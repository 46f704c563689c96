"""The names of models that can be scored, and what opens them: a folder, a name on the Hub, or ``server:ADDRESS#MODEL``.

What a model in this process needs is imported only where one is named.
"""

from __future__ import annotations

from gen.errors import BadInput
from gen.scoring.running import Model
from gen.scoring.server_speaker import server_model

SERVER = "server:"
LOCAL = "local:"
VLLM = "vllm:"


def is_server(name: str) -> bool:
    """Whether a name is of a model on a server."""
    return name.startswith(SERVER)


def plain_name(name: str) -> str:
    """A model of this process as a path or a name on the Hub."""
    return name.removeprefix(LOCAL)


def require_usable(name: str, template: str = "") -> None:
    """Look at a name before anything is loaded. Raises BadInput."""
    if name.startswith(VLLM):
        served = name.removeprefix(VLLM)
        hint = f"vllm serve {served}, then --model server:http://localhost:8000/v1#{served}"
        raise BadInput("vLLM is asked as a server here", where="--model", hint=hint)
    if is_server(name):
        server_model(name, template)
        return
    from gen.scoring import local_model

    local_model.require_usable(plain_name(name), template)


def open_any(name: str, *, template: str = "", turns: str = "gemma", base: str = "") -> Model:
    """The model of this name; see ``local_model.open_model``."""
    if is_server(name):
        return server_model(name, template)
    from gen.scoring.local_model import open_model

    return open_model(plain_name(name), template=template, turns=turns, base=base)
