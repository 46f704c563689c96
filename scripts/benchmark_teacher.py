"""What asking a server costs: a loopback server of fixed latency in a process of its own, so many requests in flight.

    python scripts/benchmark_teacher.py [--mode engine|conversations] [--latency 0.2 --latency 0.05] [--concurrency 64]
        [--seconds 12] [--times 3] [--json]

The ideal is concurrency / latency requests a second. Reported is the share of it that was reached, and the CPU time of this
process for each request (user and system, from after the first round on). Other work on the machine lowers the share: the best
of several times counts, and all of them are shown.

The mode ``conversations`` makes a corpus with ``fcgen synth``'s own run: planning, briefs, reading turns, executing calls, checks,
the completion store and its fsyncs are all in the CPU time. The server says what the simulator would (tests/scripted.py).
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from gen.cli.progress import Silent
from gen.recipe import Recipe, Teacher, load_recipe
from gen.synthesis.cast import Models
from gen.synthesis.run import synthesize
from gen.teachers.budget import Budget, Usage
from gen.teachers.engines.server import ServerEngine
from gen.teachers.envelope import assistant_schema
from gen.teachers.naming import TeacherName, teacher_name
from gen.teachers.request import Request, Sampling
from gen.tools.catalogue import find_domain

ASKED = {0.2: "at least 92 %", 0.05: "at least 70 %"}
TURNS = 6
"""Requests of one chat: each is longer than the one before."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One measurement. ``share`` of the ideal, ``cpu_ms`` of this process for each request."""

    latency: float
    concurrency: int
    requests: int
    share: float
    cpu_ms: float


def serve(latency: float, pipe: Connection) -> None:
    """The server: answers the same after the latency, and does as little else as can be."""
    from aiohttp import web

    text = json.dumps({"thought": "The user gave T1001.", "text": "", "calls": [{"name": "retrieve_payment_status", "arguments": {}}]})
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    reply = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 900, "completion_tokens": 60}}).encode()

    async def chat(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(latency)
        return web.Response(body=reply, content_type="application/json")

    asyncio.run(_serve(chat, pipe))


async def _serve(chat: Any, pipe: Connection) -> None:
    from aiohttp import web

    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    pipe.send(runner.addresses[0][1])
    await asyncio.Event().wait()


@contextmanager
def _server(serving: Callable[..., None], *arguments: Any) -> Iterator[int]:
    """A server in a process of its own; the port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serving, args=(*arguments, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


async def engine_alone(name: TeacherName, concurrency: int, more: Callable[[], bool]) -> int:
    """Chats of the payments domain, their turns one after another, as many chats at a time as requests may be in flight."""
    engine = ServerEngine(name, concurrency=concurrency, tier="json_schema")
    tools = list(find_domain("payments").tools.values())[:8]
    system = "You are the assistant of a payment service.\n" + json.dumps([tool.wire for tool in tools])
    done = 0

    async def chats(number: int) -> None:
        nonlocal done
        while more():
            schema = assistant_schema(tools[: 3 + number % 5])
            messages = [("system", system), ("user", f"What's the status of my transaction T{1000 + number}?")]
            for turn in range(TURNS):
                said = await engine.complete(Request("m", tuple(messages), schema, Sampling(), number * TURNS + turn))  # type: ignore[arg-type]  # roles are literals
                messages += [("assistant", said.text), ("user", "And the one before?")]
                done += 1
                if not more():
                    break

    try:
        await asyncio.gather(*[chats(number) for number in range(concurrency)])
    finally:
        await engine.close()
    return done


def serve_script(latency: float, slots: int, pipe: Connection) -> None:
    """The server of conversations: says what the simulator says, after the latency."""
    import orjson
    from aiohttp import web

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from scripted import Script

    script = Script(_recipe("http://localhost:1/v1", 64), slots, attempts=3)

    async def chat(request: web.Request) -> web.Response:
        seed = orjson.loads(await request.read()).get("seed")
        choice = {"index": 0, "message": {"role": "assistant", "content": script.text_or_none(seed) or "{}"}, "finish_reason": "stop"}
        reply = orjson.dumps({"choices": [choice], "usage": {"prompt_tokens": 900, "completion_tokens": 60}})
        await asyncio.sleep(latency)
        return web.Response(body=reply, content_type="application/json")

    asyncio.run(_serve(chat, pipe))


class Meter(Silent):
    """Looks at wall and CPU time as completions come: from the first second on to the last completion."""

    def __init__(self, warm: float) -> None:
        self._from = time.perf_counter() + warm
        self._marks: list[tuple[float, float, int]] = []

    def used(self, usage: Usage) -> None:
        now = time.perf_counter()
        if now >= self._from:
            mark = (now, time.process_time(), usage.total.requests)
            self._marks = [*self._marks[:1], mark]

    def cost(self, latency: float, concurrency: int) -> Cost:
        (wall, cpu, requests), (last_wall, last_cpu, last_requests) = self._marks
        done = last_requests - requests
        return Cost(latency, concurrency, done, done / (last_wall - wall) * latency / concurrency, 1000 * (last_cpu - cpu) / done)


def measure_conversations(latency: float, concurrency: int, seconds: float) -> Cost:
    """Make a corpus for so long."""
    slots = int(concurrency / latency * (seconds + 4) / 5)
    with _server(serve_script, latency, slots) as port, TemporaryDirectory() as scratch:
        recipe = _recipe(f"http://127.0.0.1:{port}/v1", concurrency)
        meter = Meter(2.0 + 2 * latency)
        models = Models(Budget(hours=(seconds + 2) / 3600), _open_fixed)
        synthesize(recipe, Path(scratch) / "corpus", rows=slots, workers=1, shard=None, progress=meter, models=models)
    return meter.cost(latency, concurrency)


def _open_fixed(name: TeacherName, settings: Teacher, note: Callable[[str], None]) -> ServerEngine:
    return ServerEngine(name, concurrency=settings.concurrency or 64, tier="json_schema", note=note)


def _recipe(address: str, concurrency: int) -> Recipe:
    return load_recipe("payments", changes=[f"teacher=server:{address}#m", f"teacher.concurrency={concurrency}", "teacher.tries=1"])


MODES: dict[str, Callable[[TeacherName, int, Callable[[], bool]], Awaitable[int]]] = {"engine": engine_alone}
"""What is measured: it asks as long as it may, and says how many requests that were."""


def measure(mode: str, latency: float, concurrency: int, seconds: float) -> Cost:
    """One run against a server of its own."""
    if mode == "conversations":
        return measure_conversations(latency, concurrency, seconds)
    with _server(serve, latency) as port:
        name = teacher_name(f"server:http://127.0.0.1:{port}/v1#m")
        asyncio.run(_for_a_while(mode, name, concurrency, 4 * latency))  # imports, and schemas that are written once
        cpu, begun = time.process_time(), time.perf_counter()
        requests = asyncio.run(_for_a_while(mode, name, concurrency, seconds))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - begun
    return Cost(latency, concurrency, requests, requests / wall * latency / concurrency, 1000 * cpu / requests)


async def _for_a_while(mode: str, name: TeacherName, concurrency: int, seconds: float) -> int:
    end = time.perf_counter() + seconds
    return await MODES[mode](name, concurrency, lambda: time.perf_counter() < end)


@click.command(help=__doc__.split("\n")[0])
@click.option("--mode", type=click.Choice([*MODES, "conversations"]), default="engine", show_default=True)
@click.option(
    "--latency", "latencies", type=float, multiple=True, default=(0.2, 0.05), show_default=True, help="Of the server, in seconds."
)
@click.option("--concurrency", type=int, default=64, show_default=True)
@click.option("--seconds", type=float, default=12.0, show_default=True, help="Of each measurement.")
@click.option("--times", type=int, default=3, show_default=True, help="Measurements of each latency.")
@click.option("--json", "as_json", is_flag=True)
def main(mode: str, latencies: tuple[float, ...], concurrency: int, seconds: float, times: int, as_json: bool) -> None:
    """Measure and print."""
    results: list[dict[str, Any]] = []
    for latency in latencies:
        costs = [measure(mode, latency, concurrency, seconds) for _ in range(times)]
        best = max(costs, key=lambda cost: cost.share)
        results.append({"mode": mode, "best": asdict(best), "all": [asdict(cost) for cost in costs]})
        if not as_json:
            print(
                f"{mode}, {latency * 1000:.0f} ms, {concurrency} in flight: {best.share:.1%} of the ideal ({ASKED.get(latency, '')}), ",
                end="",
            )
            print(f"{min(cost.cpu_ms for cost in costs):.2f} ms of CPU a request; shares of all times: ", end="")
            print(", ".join(f"{cost.share:.1%}" for cost in costs))
    if as_json:
        json.dump(results, sys.stdout, indent=2)
        print()


if __name__ == "__main__":
    main()
