"""``fcgen store``: what is stored, what a replay needs of it, and nothing deleted that one does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gen.cli.store import store
from gen.conversation import Conversation, Message
from gen.corpus.card import CardFacts, render_card
from gen.corpus.cells import cells_of
from gen.corpus.folder import begin, publish, write_shards
from gen.corpus.lock import beside
from gen.corpus.manifest import Manifest
from gen.errors import AnswerIsNo, BadInput
from gen.hub.files import corpus_files
from gen.hub.secrets import leaks_in_files
from gen.teachers.completions import COMPLETIONS, Completions
from gen.teachers.request import Completion, Request, Sampling
from gen.teachers.store import CompletionStore
from gen.teachers.stored import Key

DIGEST = "d" * 64
ACCEPTED = {0: 0, 1: 2, 3: 1}
SHORT = 2


def corpus(folder: Path, *, finished: bool = True) -> Path:
    """Slots 0, 1 and 3 have rows, of these attempts; slot 2 fell short."""
    begin(folder, digest=DIGEST, recipe={"name": "mine"})
    if finished:
        messages = (Message("user", "Hello"), Message("assistant", "Hello!"))
        rows = [cells_of(Conversation(f"mine-{slot}", messages, split="train", slot=slot, attempt=n)) for slot, n in ACCEPTED.items()]
        written = write_shards(folder, rows)
        manifest = Manifest("mine", DIGEST, ledger={"short": [SHORT]})
        publish(folder, written, card=render_card(written, CardFacts("mine", folder.name)), recipe="name: mine\n", manifest=manifest)
    return folder


def fill(folder: Path, keys: list[Key], *, run: str = DIGEST, text: str = "Hello") -> None:
    async def write() -> None:
        async with CompletionStore(folder / COMPLETIONS, run=run) as kept:
            for number, key in enumerate(keys):
                request = Request("large" if key.role == "assistant" else "small", (), None, Sampling(), number + 1000 * (run != DIGEST))
                await kept.put(request, Completion(text, tokens_in=100, tokens_out=10, tokens_cached=50), key=key)

    asyncio.run(write())


def keys(slot: int, attempts: int) -> list[Key]:
    return [Key(slot, attempt, turn, role) for attempt in range(attempts) for turn in range(2) for role in ("user", "assistant")]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = corpus(Path("corpora") / "mine")
    fill(folder, [*keys(0, 1), *keys(1, 3), *keys(SHORT, 5), *keys(3, 4), *keys(4, 1)])
    fill(folder, keys(0, 1), run="e" * 64)
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(store, arguments)


def test_what_is_stored_is_shown(made: Path) -> None:
    shown = run().stdout.splitlines()
    assert shown[0].startswith("corpora/mine: 60 completions, ") and shown[0].endswith(" kB in 1 file")
    cells = [line.split() for line in shown]
    assert all([name, "30", "3,000", "1,500", "300"] in cells for name in ("small", "large", "user", "assistant"))
    assert shown[-6:] == [
        "A replay of the rows asks for 44 of them.",
        "No replay can ask for 16:",
        "  8  of attempts after the accepted one",
        "  4  of slots that the corpus does not have",
        "  4  under another recipe or version",
        "fcgen store prune deletes these.",
    ]
    assert run("corpora/mine").stdout == run("show", "corpora/mine").stdout == run().stdout


def test_the_same_as_json(made: Path) -> None:
    told = json.loads(run("--json").stdout)
    assert (told["completions"], told["needed"], told["finished"], told["files"]) == (60, 44, True, ["main.jsonl"])
    assert told["models"]["small"]["tokens_out"] == 300
    assert sum(told["prunable"].values()) == 16
    assert told["bytes"] == (made / COMPLETIONS / "main.jsonl").stat().st_size


def test_pruning_keeps_every_attempt_up_to_the_accepted_one(made: Path) -> None:
    done = run("prune", "--yes")
    assert done.exit_code == 0, done.exception
    assert "16 deleted, 44 completions" in done.stderr
    left = {(stored.key.slot, stored.key.attempt) for stored in Completions(made / COMPLETIONS)}
    assert left == {(0, 0), (1, 0), (1, 1), (1, 2), *((SHORT, n) for n in range(5)), (3, 0), (3, 1)}
    assert {stored.run for stored in Completions(made / COMPLETIONS)} == {DIGEST}
    assert "nothing is deleted" in run("prune", "--yes").stderr


def test_nothing_is_pruned_unasked(made: Path) -> None:
    before = (made / COMPLETIONS / "main.jsonl").read_bytes()
    refused = run("prune")
    assert isinstance(refused.exception, BadInput)
    assert "Delete these 16 completions? They were paid for." in refused.exception.what
    assert (made / COMPLETIONS / "main.jsonl").read_bytes() == before


def test_who_says_no_keeps_all(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gen.cli.store.sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda question, err: False)
    from gen.cli.store import _ask

    with pytest.raises(AnswerIsNo, match="nothing was deleted"):
        _ask("Delete?")


def test_an_unfinished_run_may_ask_for_anything(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "mine", finished=False)
    fill(folder, keys(0, 5))
    assert "may ask for any of them again" in run(str(folder)).stdout
    refused = run("prune", "--yes", str(folder))
    assert isinstance(refused.exception, BadInput) and "not finished" in refused.exception.what
    assert len(Completions(folder / COMPLETIONS)) == 20


def test_a_corpus_that_is_growing_is_unfinished(made: Path) -> None:
    begin(made, digest=DIGEST, recipe={"name": "mine"})
    assert isinstance(run("prune", "--yes").exception, BadInput)


def test_compacting_keeps_all_in_less(made: Path) -> None:
    before = sorted((stored.address, stored.key) for stored in Completions(made / COMPLETIONS))
    size = (made / COMPLETIONS / "main.jsonl").stat().st_size
    assert run("compact").exit_code == 0
    assert sorted((stored.address, stored.key) for stored in Completions(made / COMPLETIONS)) == before
    (sealed,) = (path for path in (made / COMPLETIONS).iterdir())
    assert sealed.stat().st_size < size


def test_a_store_that_is_being_written_is_left_alone(made: Path) -> None:
    with beside(made / COMPLETIONS, "part-00001-of-00002"):
        for command in (("compact",), ("prune", "--yes")):
            refused = run(*command)
            assert isinstance(refused.exception, BadInput) and "another run is working in this folder" in refused.exception.what
        assert run().exit_code == 0


def test_a_corpus_of_the_simulator_has_none(tmp_path: Path) -> None:
    refused = run(str(corpus(tmp_path / "mine")))
    assert isinstance(refused.exception, BadInput) and "there are no completions" in refused.exception.what


@pytest.mark.parametrize("sealed", [False, True])
def test_what_is_pushed_of_a_store_is_looked_through_for_secrets(tmp_path: Path, sealed: bool) -> None:
    folder = corpus(tmp_path / "mine")
    fill(folder, keys(0, 1), text="write to " + "jane.doe@" + "gmail.com")
    if sealed:
        run("compact", str(folder))
    assert not [file for file in corpus_files(folder) if file.name.startswith(COMPLETIONS)]
    files = corpus_files(folder, with_completions=True)
    assert [file.name for file in files if file.name.startswith(COMPLETIONS)] == [
        "completions/sealed.parquet" if sealed else "completions/main.jsonl"
    ]
    (problem,) = leaks_in_files(files)
    assert "e-mail address in completions/" in problem.what


def test_the_command_line_has_it(fcgen: object, tmp_path: Path) -> None:
    folder = corpus(tmp_path / "mine")
    fill(folder, keys(0, 1))
    shown = fcgen("store", "mine")  # type: ignore[operator]
    assert (shown.returncode, shown.stdout.splitlines()[0][:22]) == (0, "mine: 4 completions, 1")
    assert "compact" in fcgen("store", "--help").stdout  # type: ignore[operator]
    missing = fcgen("store", "nowhere")  # type: ignore[operator]
    assert missing.returncode == 2 and "there is no corpus 'nowhere'" in missing.stderr
