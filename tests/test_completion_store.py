"""The completion store: what it acknowledged is there afterwards, whatever happens to the process or the disk."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gen.errors import BadInput, OutsideFailed
from gen.teachers import journal
from gen.teachers.compacting import compact
from gen.teachers.completions import SEALED, Completions
from gen.teachers.request import Completion, Request, Sampling
from gen.teachers.store import CompletionStore, part_name
from gen.teachers.stored import Key, Stored, from_line, to_line

ROOT = str(Path(__file__).parent.parent)
RUN = "a" * 64

texts = st.text(st.characters(codec=None), max_size=200)
counts = st.integers(0, 2**31)
completions = st.builds(
    Completion, texts, st.sampled_from(["stop", "length"]), counts, counts, counts, st.floats(0, 1e6, allow_nan=False, allow_infinity=False)
)


def request(seed: int, text: str = "Hello") -> Request:
    return Request("tiny", (("user", text),), None, Sampling(), seed)


def said(seed: int) -> Completion:
    return Completion(f"This is number {seed}.", tokens_in=10, tokens_out=seed, seconds=seed / 7)


def key(seed: int) -> Key:
    return Key(slot=seed // 4, attempt=0, turn=seed % 4, role="user" if seed % 2 else "assistant")


def fill(folder: Path, seeds: list[int], *, writer: str = "main", run: str = RUN) -> None:
    async def write() -> None:
        async with CompletionStore(folder, writer, run=run) as store:
            await asyncio.gather(*(store.put(request(seed), said(seed), key=key(seed)) for seed in seeds))

    asyncio.run(write())


def found(folder: Path) -> dict[str, Completion]:
    return {stored.address: stored.completion for stored in Completions(folder)}


def expected(seeds: list[int]) -> dict[str, Completion]:
    return {request(seed).address(): said(seed) for seed in seeds}


# -- what goes in comes out


@settings(max_examples=40)
@given(st.lists(completions, max_size=12))
def test_what_was_put_is_got_again_and_sealed_too(said: list[Completion]) -> None:
    async def write(folder: Path) -> list[Completion]:
        async with CompletionStore(folder, run=RUN) as store:
            kept = [await store.put(request(n), one, key=key(n)) for n, one in enumerate(said)]
            assert [store.get(request(n).address()) for n in range(len(said))] == kept
            assert store.get(request(999).address()) is None
            return kept

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = asyncio.run(write(folder))
        for completion, given in zip(kept, said, strict=True):
            assert completion.text == given.text or any("\ud800" <= letter <= "\udfff" for letter in given.text)
        for _ in range(2):
            read = Completions(folder)
            stored = [read.get(request(n).address()) for n in range(len(said))]
            assert [(one.completion, one.key, one.model, one.run) for one in stored if one] == [
                (completion, key(n), "tiny", RUN) for n, completion in enumerate(kept)
            ]
            compact(folder)


def test_half_a_surrogate_pair_becomes_what_can_be_kept(tmp_path: Path) -> None:
    """JSON of a server may hold one, UTF-8 may not; whole pairs are joined."""

    async def write() -> Completion:
        async with CompletionStore(tmp_path) as store:
            return await store.put(request(1), Completion("a\ud800b \ud83d\ude00"), key=key(1))

    assert asyncio.run(write()).text == "a�b 😀"
    assert found(tmp_path)[request(1).address()].text == "a�b 😀"


def test_what_is_known_is_not_replaced(tmp_path: Path) -> None:
    """A model that is asked twice says two things: the first is what the run went on with."""

    async def write() -> list[Completion]:
        async with CompletionStore(tmp_path) as store:
            together = await asyncio.gather(*(store.put(request(1), Completion(text), key=key(1)) for text in "ab"))
            return [*together, await store.put(request(1), Completion("c"), key=key(1))]

    assert [one.text for one in asyncio.run(write())] == ["a", "a", "a"]
    assert (tmp_path / "main.jsonl").read_bytes().count(b"\n") == 1


def test_many_puts_in_flight_share_an_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(journal.os, "fsync", lambda handle: (synced.append(threading.current_thread().name), fsync(handle)))
    fill(tmp_path, list(range(500)))
    assert found(tmp_path) == expected(list(range(500)))
    assert 1 <= len(synced) <= 20
    assert all(name.startswith("completions") for name in synced[1:])  # never on the event loop's thread


def test_nothing_is_acknowledged_before_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed leaves what it wrote to the system; a power cut only what was synced."""
    written, may_end = threading.Event(), threading.Event()
    fsync = os.fsync

    def slow(handle: int) -> None:
        written.set()
        assert may_end.wait(60)
        fsync(handle)

    async def write() -> None:
        async with CompletionStore(tmp_path) as store:
            await store.put(request(0), said(0), key=key(0))
            monkeypatch.setattr(journal.os, "fsync", slow)
            put = asyncio.create_task(store.put(request(1), said(1), key=key(1)))
            assert await asyncio.to_thread(written.wait, 60)
            assert found(tmp_path) == expected([0, 1])
            assert not put.done()
            assert store.get(request(1).address()) is None
            may_end.set()
            assert await put == said(1)

    asyncio.run(write())


def test_cancelling_who_waits_undoes_nothing(tmp_path: Path) -> None:
    async def write() -> None:
        async with CompletionStore(tmp_path) as store:
            tasks = [asyncio.create_task(store.put(request(seed), said(seed), key=key(seed))) for seed in range(3)]
            await asyncio.sleep(0)
            tasks[1].cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(done[1], asyncio.CancelledError)
            assert done[2] == said(2)

    asyncio.run(write())
    assert found(tmp_path) == expected([0, 1, 2])


def test_a_loop_that_ends_in_the_middle_leaves_a_readable_store(tmp_path: Path) -> None:
    async def write(store: CompletionStore) -> None:
        for seed in range(50):
            task = asyncio.create_task(store.put(request(seed), said(seed), key=key(seed)))
            await asyncio.sleep(0)
        del task  # whoever waits is cancelled with the loop

    store = CompletionStore(tmp_path)
    asyncio.run(write(store))
    asyncio.run(store.close())
    fill(tmp_path, list(range(50)))
    assert found(tmp_path) == expected(list(range(50)))


# -- torn and damaged files


def test_a_torn_end_of_any_length_is_cut_off(tmp_path: Path) -> None:
    fill(tmp_path, [0, 1, 2])
    path = tmp_path / "main.jsonl"
    whole = path.read_bytes()
    ends = [0, *(at + 1 for at, byte in enumerate(whole) if byte == ord("\n"))]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        kept = list(range(sum(end <= size for end in ends) - 1))
        assert found(tmp_path) == expected(kept)
        if size % 23 == 0:  # an fsync each
            fill(tmp_path, [7])
            assert found(tmp_path) == expected([*kept, 7])


def test_an_end_of_zeros_is_a_torn_one(tmp_path: Path) -> None:
    """What a power cut leaves of a file whose size was on the disk before its content."""
    fill(tmp_path, [0])
    with (tmp_path / "main.jsonl").open("ab") as file:
        file.write(b"\0" * 4096)
    fill(tmp_path, [1])
    assert found(tmp_path) == expected([0, 1])


@pytest.mark.parametrize("line", [1, 2, 3])
def test_a_damaged_line_is_an_error_that_names_it(tmp_path: Path, line: int) -> None:
    fill(tmp_path, [0, 1, 2])
    path = tmp_path / "main.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[line - 1] = lines[line - 1].replace(b"This is", b"That is")
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(BadInput, match="not as it was written") as caught:
        CompletionStore(tmp_path)
    assert caught.value.where == f"{path}:{line}"
    with pytest.raises(BadInput):
        compact(tmp_path)
    assert path.read_bytes() == b"\n".join(lines)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 255))
@example(8, 0x20)
@example(16, 1)
@example(17, 1)
def test_no_changed_byte_goes_unnoticed(place: int, change: int) -> None:
    line = bytearray(to_line(Stored(request(1).address(), RUN, key(1), "tiny", Completion("Grüße ☺", seconds=0.1))))[:-1]
    line[place % len(line)] ^= change
    with pytest.raises(BadInput):
        from_line(bytes(line), "here")


def test_a_damaged_sealed_file_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, list(range(200)))
    compact(tmp_path)
    path = tmp_path / SEALED
    content = bytearray(path.read_bytes())
    for place in range(8, len(content) // 4, 97):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(BadInput, match="damaged"):
        found(tmp_path)


# -- killed, and a full disk

WRITER = """
import asyncio, sys
from pathlib import Path
from gen.teachers.store import CompletionStore
from gen.teachers.stored import Key
from gen.teachers.request import Completion, Request, Sampling

async def main(folder, first, count):
    store = CompletionStore(folder)
    async def one(seed):
        request = Request("tiny", (("user", "Hello"),), None, Sampling(), seed)
        said = Completion(f"This is number {seed}.", tokens_in=10, tokens_out=seed, seconds=seed / 7)
        await store.put(request, said, key=Key(seed // 4, 0, seed % 4, "user" if seed % 2 else "assistant"))
        print(seed, flush=True)
    seeds = iter(range(first, first + count))
    async def work():
        for seed in seeds:
            await one(seed)
    async with asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(work())
    await store.close()

BEFORE
asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
"""


def writer(folder: Path, first: int, count: int, *, before: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER.replace("BEFORE", before), str(folder), str(first), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": ROOT})


@pytest.mark.slow
def test_a_killed_writer_has_lost_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(4)
    acknowledged: list[int] = []
    for kill in range(15):
        with writer(tmp_path, kill * 1_000_000, 1_000_000) as process:
            assert process.stdout is not None
            acknowledged.append(int(process.stdout.readline()))
            time.sleep(chance.uniform(0, 0.15))
            process.kill()
            acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
        kept = found(tmp_path)
        assert {address: kept.get(address) for address in expected(acknowledged)} == expected(acknowledged)
    assert len(acknowledged) > 100
    compact(tmp_path)
    assert found(tmp_path) == kept


def test_a_full_disk_is_told_and_nothing_is_acknowledged_that_is_not_kept(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))"
    with writer(tmp_path, 0, 1000, before=limit) as process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "gen.errors.OutsideFailed" in errors
    assert "keeping the completions failed: File too large" in errors
    acknowledged = [int(line) for line in output.split()]
    assert 0 < len(acknowledged) < 1000
    assert found(tmp_path) == expected(acknowledged)
    assert (tmp_path / "main.jsonl").read_bytes().endswith(b"\n")
    fill(tmp_path, list(range(1000)))
    assert found(tmp_path) == expected(list(range(1000)))


def test_after_a_failure_nothing_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An fsync that failed may have dropped what it should have written: a second one that succeeds proves nothing."""

    def fails(handle: int) -> None:
        raise OSError(5, "Input/output error")

    async def write() -> None:
        async with CompletionStore(tmp_path) as store:
            await store.put(request(0), said(0), key=key(0))
            with monkeypatch.context() as broken:
                broken.setattr(journal.os, "fsync", fails)
                with pytest.raises(OutsideFailed):
                    await store.put(request(1), said(1), key=key(1))
            with pytest.raises(OutsideFailed):
                await store.put(request(2), said(2), key=key(2))
            assert store.get(request(1).address()) is None

    asyncio.run(write())
    assert found(tmp_path) == expected([0])


# -- several writers


def test_writers_work_side_by_side_and_read_each_other(tmp_path: Path) -> None:
    async def write() -> None:
        one, two = CompletionStore(tmp_path, part_name(1, 2)), CompletionStore(tmp_path, part_name(2, 2))
        with pytest.raises(BadInput, match="another run is working in this folder"):
            CompletionStore(tmp_path, part_name(2, 2))
        with pytest.raises(BadInput, match="another run is working in this folder"):
            compact(tmp_path)
        puts = [store.put(request(n), said(n), key=key(n)) for store, first in ((one, 0), (two, 100)) for n in range(first, first + 50)]
        await asyncio.gather(*puts)
        await one.close()
        await two.close()

    fill(tmp_path, [999])
    asyncio.run(write())
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == [
        "main.jsonl",
        "part-00001-of-00002.jsonl",
        "part-00002-of-00002.jsonl",
    ]
    store = CompletionStore(tmp_path)
    assert len(store) == 101
    assert store.get(request(149).address()) == said(149)
    asyncio.run(store.close())


def test_more_files_than_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gen.teachers.completions.OPEN", 3)
    for part in range(8):
        fill(tmp_path, [part], writer=part_name(part + 1, 8))
    read = Completions(tmp_path)
    for _ in range(3):
        assert [read.get(request(n).address()) is not None for n in range(8)] == [True] * 8
    assert sum(str(tmp_path) in str(link.readlink()) for link in open_files()) <= 3
    compact(tmp_path)
    assert found(tmp_path) == expected(list(range(8)))


def open_files() -> list[Path]:
    return [link for link in Path("/proc/self/fd").iterdir() if link.exists()]


# -- sealed


def test_sealed_bytes_do_not_depend_on_who_came_when(tmp_path: Path) -> None:
    seeds = list(range(40))
    fill(tmp_path / "a", seeds)
    fill(tmp_path / "b", seeds[::-2], writer=part_name(1, 2))
    fill(tmp_path / "b", seeds[::2], writer=part_name(2, 2))
    fill(tmp_path / "c", seeds[20:])
    compact(tmp_path / "c")
    fill(tmp_path / "c", seeds[:20])
    for name in "abc":
        assert compact(tmp_path / name).after == 40
        assert compact(tmp_path / name).before == 40
    assert len({(tmp_path / name / SEALED).read_bytes() for name in "abc"}) == 1
    assert [path.name for path in (tmp_path / "b").iterdir()] == [SEALED]


def test_a_compaction_that_was_killed_before_the_journals_went_counts_nothing_twice(tmp_path: Path) -> None:
    fill(tmp_path, [0, 1])
    journal = (tmp_path / "main.jsonl").read_bytes()
    compact(tmp_path)
    sealed = (tmp_path / SEALED).read_bytes()
    (tmp_path / "main.jsonl").write_bytes(journal)
    assert found(tmp_path) == expected([0, 1])
    assert compact(tmp_path).after == 2
    assert (tmp_path / SEALED).read_bytes() == sealed


def test_a_run_under_another_digest_takes_over_what_it_uses(tmp_path: Path) -> None:
    """Else pruning by digest would delete what the corpus needs."""

    async def use(store: CompletionStore) -> None:
        async with store:
            for _ in range(3):
                assert store.get(request(0).address()) == said(0)
                await asyncio.sleep(0)

    fill(tmp_path, [0, 1], writer="zzz")
    for _ in range(2):
        asyncio.run(use(CompletionStore(tmp_path, run="b" * 64)))
        assert (tmp_path / "main.jsonl").read_bytes().count(b"\n") == 1
    taken = {stored.run for stored in Completions(tmp_path, run="b" * 64)}
    assert taken == {RUN, "b" * 64}
    assert compact(tmp_path, keep=lambda stored: stored.run != RUN).after == 1
    assert found(tmp_path) == expected([0])
