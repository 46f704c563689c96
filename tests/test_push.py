"""``fcgen push`` as people run it, against a Hub on loopback: what is there afterwards, what is said, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import Blob, Hub
from processes import interruptible

from gen.corpus.reading import read_rows

ROOT = Path(__file__).resolve().parent.parent
NAME = "acme/tiny"
USUAL = {"README.md", "data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet", "manifest.json", "recipe.yaml"}

pytestmark = pytest.mark.slow  # each push is a process that imports datasets and checks every row

Push = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus, made once."""
    folder = tmp_path_factory.mktemp("made")
    command = [sys.executable, "-m", "gen", "synth", "--recipe", "tiny", "--rows", "30", "--out", "tiny", "--quiet"]
    command += ["--set", "splits={train: 0.9, test: 0.1}"]
    subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, capture_output=True, timeout=120)
    return folder / "tiny"


@pytest.fixture
def corpus(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "corpora" / "tiny"))


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub().start()
    yield hub
    hub.stop()


@pytest.fixture
def push(hub: Hub, corpus: Path, tmp_path: Path, fcgen: Any) -> Push:
    """``fcgen push`` of the corpus to ``acme/tiny``, unless other arguments say otherwise."""

    def run(*arguments: str, to: str | None = NAME, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        target = ("--to", to) if to else ()
        done: subprocess.CompletedProcess[str] = fcgen(
            "push",
            *(() if "--type" in arguments else (str(corpus),)),
            *target,
            *arguments,
            env=hub.environment(tmp_path / "home") | (env or {}),
        )
        assert hub.token not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def grown(corpus: Path) -> None:
    """Another card, so that there is something to push."""
    readme = corpus / "README.md"
    readme.write_text(readme.read_text() + "\n## About us\n\nMade for the tests.\n")


def writes(hub: Hub) -> list[str]:
    return [call for call in hub.calls if not call.startswith(("GET", "HEAD"))]


# -- what is done


def test_a_dry_run_writes_nothing(hub: Hub, push: Push) -> None:
    done = push("--dry-run", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert told["plan"]["counts"] == {"add": 5, "change": 0, "delete": 0, "same": 0}
    assert told["private"] and not told["exists"]
    assert "+ data/train-00000-of-00001.parquet" in done.stderr
    assert writes(hub) == [] and hub.repos == {}


def test_a_new_repository_is_private_and_has_one_commit(hub: Hub, push: Push, corpus: Path) -> None:
    done = push("--json")
    assert done.returncode == 0, done.stderr
    told, repo = json.loads(done.stdout), hub.repos[NAME]
    assert repo.private and told["private"]
    assert len(repo.history()) == 2 and repo.history()[0].startswith("fcgen push: tiny")
    assert told["commit"] == repo.refs["main"]
    assert told["rows"] == {"train": 27, "test": 3} and told["files"] == 5
    files = repo.files()
    assert set(files) == USUAL
    for name in USUAL - {"README.md", "manifest.json"}:
        assert files[name] == (corpus / name).read_bytes()
    assert f'load_dataset("{NAME}", split="train")' in files["README.md"].decode()


def test_update_no_change_and_delete(hub: Hub, push: Push, corpus: Path) -> None:
    assert push().returncode == 0
    first = hub.repos[NAME].refs["main"]
    hub.calls.clear()
    again = push("--json")
    assert json.loads(again.stdout) | {"changed": 0, "sent": 0, "commit": first} == json.loads(again.stdout)
    assert writes(hub) == []
    grown(corpus)
    (corpus / "LICENSE").write_text("do as you like\n")
    changed = push()
    assert "  ~ README.md" in changed.stdout and "  + LICENSE" in changed.stdout and "1 to add, 1 to change, 4 the same" in changed.stdout
    assert not [call for call in hub.calls if call.startswith("PUT")]  # no shard was sent again
    (corpus / "LICENSE").unlink()
    gone = push()
    assert "  - LICENSE" in gone.stdout
    assert set(hub.repos[NAME].files()) == USUAL
    assert len(hub.repos[NAME].history()) == 4


def test_a_pull_request_is_found_again(hub: Hub, push: Push, corpus: Path) -> None:
    assert push().returncode == 0
    before = hub.repos[NAME].files()
    grown(corpus)
    first, second = (json.loads(push("--pr", "--tag", "v2", "--json").stdout) for _ in range(2))
    assert first["pull_request"] == second["pull_request"] == f"{hub.url}/datasets/{NAME}/discussions/1"
    repo = hub.repos[NAME]
    assert len(repo.requests) == 1
    assert repo.files() == before
    assert "About us" in repo.files("refs/pr/1")["README.md"].decode()
    assert repo.tags == {"v2": first["commit"]}
    assert first["rows"] == {"train": 27, "test": 3}


def test_a_tag_is_made_once_and_never_moved(hub: Hub, push: Push, corpus: Path) -> None:
    for _ in range(2):
        done = push("--tag", "v1")
        assert done.returncode == 0, done.stderr
    assert hub.repos[NAME].tags == {"v1": hub.repos[NAME].refs["main"]}
    grown(corpus)
    hub.calls.clear()
    refused = push("--tag", "v1")
    assert refused.returncode == 2
    assert "the tag 'v1' is there already" in refused.stderr
    assert writes(hub) == []


def test_more_files_than_a_commit_bears_are_merged_at_once(hub: Hub, push: Push) -> None:
    done = push("--files-per-commit", "2")
    assert done.returncode == 0, done.stderr
    repo = hub.repos[NAME]
    assert set(repo.files()) == USUAL
    assert len(repo.history()) == 2
    assert [one["status"] for one in repo.requests.values()] == ["merged"]
    assert len(repo.history("refs/pr/1")) == 4


def test_rejected_rows_come_along_where_they_are_asked_for(hub: Hub, push: Push) -> None:
    assert push("--with-rejected", "--with-completions").returncode == 0
    assert set(hub.repos[NAME].files()) == USUAL | {"rejected/rejected.jsonl"}


def test_two_configs_in_one_repository(hub: Hub, push: Push, corpus: Path, tmp_path: Path) -> None:
    assert push("--config", "small").returncode == 0
    done = push("--config", "other", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == {"train": 27, "test": 3}
    assert push("--config", "small", "--json").returncode == 0
    files = hub.repos[NAME].files()
    assert {"README.md", "small/manifest.json", "other/manifest.json", "other/data/test-00000-of-00001.parquet"} <= set(files)
    card = files["README.md"].decode()
    assert card.count("<!-- fcgen: config small -->") == card.count("<!-- fcgen: config other -->") == 1
    assert f'load_dataset("{NAME}", "other", split="train")' in card
    counts = f"import datasets; print([len(datasets.load_dataset('{NAME}', name)['train']) for name in ('small', 'other')])"
    assert _python(counts, hub, tmp_path) == "[27, 27]"
    refused = push()
    assert refused.returncode == 2
    assert "holds the configs other, small" in refused.stderr


def test_what_is_read_back_is_what_was_pushed(hub: Hub, push: Push, corpus: Path, tmp_path: Path) -> None:
    assert push("--tag", "v1").returncode == 0
    code = f"""
import json, datasets, huggingface_hub
from pathlib import Path
from gen.corpus.manifest import verify
loaded = datasets.load_dataset({NAME!r}, revision="v1")
folder = Path(huggingface_hub.snapshot_download({NAME!r}, repo_type="dataset", revision="v1"))
print(json.dumps([[row for split in loaded.values() for row in split], verify(folder), str(folder)]))
"""
    loaded, problems, snapshot = json.loads(_python(code, hub, tmp_path))
    assert problems == []
    wire = {row.id: ([message.to_wire() for message in row.messages], list(row.tools)) for row in read_rows(corpus)}
    assert {row["id"]: (row["messages"], row["tools"]) for row in loaded} == wire
    for name in USUAL - {"README.md", "manifest.json"}:
        assert (Path(snapshot) / name).read_bytes() == (corpus / name).read_bytes()


def _python(code: str, hub: Hub, tmp_path: Path) -> str:
    env = os.environ | hub.environment(tmp_path / "reader") | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# -- what is refused


def test_a_public_repository_has_to_be_meant(hub: Hub, push: Push) -> None:
    hub.repo(NAME, private=False)
    refused = push()
    assert refused.returncode == 2
    assert "is public" in refused.stderr and "--public" in refused.stderr
    assert writes(hub) == []
    meant = push("--public")
    assert meant.returncode == 0, meant.stderr
    assert "visibility: public" in meant.stdout
    assert push("--public", to="acme/new").returncode == 0
    assert not hub.repos["acme/new"].private


def test_a_repository_that_becomes_public_meanwhile_is_told(hub: Hub, push: Push) -> None:
    hub.repo(NAME)

    def publish(call: str) -> None:
        hub.repos[NAME].private = hub.repos[NAME].private and "/commit/" not in call

    hub.before = publish
    done = push()
    assert done.returncode == 1
    assert "the repository is public now" in done.stderr


def test_a_commit_of_somebody_else_in_between_is_kept(hub: Hub, push: Push) -> None:
    repo = hub.repo(NAME)

    def commit(call: str) -> None:
        if "/preupload/" in call and "theirs.txt" not in repo.files():
            repo.commit("main", {"theirs.txt": Blob(b"theirs")}, "theirs")

    hub.before = commit
    done = push()
    assert done.returncode == 3
    assert "somebody else committed" in done.stderr and "run the same command again" in done.stderr
    assert repo.files() == {"theirs.txt": b"theirs"}
    asked = push()
    assert asked.returncode == 2 and "1 files that fcgen did not put there" in asked.stderr
    assert push("--yes").returncode == 0
    assert set(repo.files()) == USUAL


@pytest.mark.parametrize(
    ("settings", "status", "hint"),
    [
        ({"HF_TOKEN": "hf_" + "w" * 24}, "HTTP 401", "hf auth login"),
        ({"HF_TOKEN": ""}, "HTTP 401", "hf auth login"),
        ({}, "HTTP 403", "write access"),
    ],
)
def test_who_may_not_is_told_what_to_do(hub: Hub, push: Push, settings: dict[str, str], status: str, hint: str) -> None:
    hub.may_write = bool(settings)
    done = push(env=settings)
    assert done.returncode == 3
    assert status in done.stderr and hint in done.stderr
    assert hub.repos == {}


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("tiny", "say --to owner/tiny"),
        ("acme/tiny corpus", "acme/tiny-corpus would do"),
        ("datasets/acme/tiny", "acme/tiny would do"),
        ("https://huggingface.co/datasets/acme/tiny", "--to acme/tiny"),
        ("hf://datasets/acme/tiny", "--to acme/tiny"),
        ("s3://key:secretsecret@bucket/x", "credentials do not belong into an address"),
        ("nosuch://bucket/x", "nosuch:// cannot be reached"),
    ],
)
def test_a_wrong_target_has_a_hint(hub: Hub, push: Push, to: str, said: str) -> None:
    done = push(to=to)
    assert done.returncode == 2
    assert said in done.stderr
    assert "secretsecret" not in done.stderr
    assert hub.calls == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--config", "../x"), "cannot be the name of a config"),
        (("--config", "data"), "cannot be the name of a config"),
        (("--allow", "FC9999"), "unknown code 'FC9999'"),
    ],
)
def test_wrong_options_are_refused(hub: Hub, push: Push, arguments: tuple[str, ...], said: str) -> None:
    done = push(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert hub.calls == []


def test_options_of_the_hub_are_not_for_places(push: Push, tmp_path: Path) -> None:
    done = push("--tag", "v1", to=f"file://{tmp_path}/place")
    assert done.returncode == 2 and "--tag is for repositories of the Hub" in done.stderr


def test_what_is_not_fit_stays_at_home(hub: Hub, push: Push, corpus: Path) -> None:
    readme = corpus / "README.md"
    readme.write_text(readme.read_text() + "\n## Access\n\nOur key is hf_" + "Ab1" * 12 + "\n")
    (corpus / "recipe.yaml").write_text((corpus / "recipe.yaml").read_text() + "\n")
    done = push()
    assert done.returncode == 1
    assert "FC901 (1): Hugging Face token in README.md" in done.stderr and "FC902 (1): recipe.yaml has changed" in done.stderr
    assert "Ab1Ab1" not in done.stderr
    assert hub.calls == []
    assert push("--allow", "FC901", "--allow", "FC902").returncode == 0


def test_an_unfinished_run_is_refused(push: Push, corpus: Path) -> None:
    (corpus / "manifest.json").unlink()
    done = push()
    assert done.returncode == 2
    assert "no finished corpus" in done.stderr


# -- tokens


@pytest.mark.parametrize("token", ["hf_" + "t" * 24, "a-token-of-another-shape"])
def test_no_output_holds_the_token(hub: Hub, push: Push, tmp_path: Path, token: str) -> None:
    hub.token = token
    done = push("--tag", "v1", env={"HF_TOKEN": token, "HF_DEBUG": "1", "HF_HUB_VERBOSITY": "debug"})
    assert done.returncode == 0, done.stderr
    assert "curl" in done.stderr  # the requests are logged
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or token.encode() not in path.read_bytes(), path
    assert all(token.encode() not in data for data in hub.repos[NAME].files().values())


def test_the_stored_login_is_used_and_not_shown(hub: Hub, push: Push, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "token").write_text(hub.token)
    done = push(env={"HF_TOKEN": "", "HF_DEBUG": "1"})
    assert done.returncode == 0, done.stderr


# -- the recipe's target, and being asked


def aimed(corpus: Path, target: str) -> None:
    """As if the recipe had said where to push to when the corpus was made."""
    import hashlib

    recipe, manifest = corpus / "recipe.yaml", corpus / "manifest.json"
    old = recipe.read_bytes()
    recipe.write_bytes(old[: old.index(b"push:")] + f"push: {target}\n".encode() + old[old.index(b"train:\n") :])
    digests = [hashlib.sha256(data).hexdigest() for data in (old, recipe.read_bytes())]
    manifest.write_text(manifest.read_text().replace(*digests))


def test_without_a_target_the_recipe_is_asked(hub: Hub, push: Push, corpus: Path) -> None:
    nobody = push(to=None)
    assert nobody.returncode == 2 and "nobody said where to push to" in nobody.stderr
    aimed(corpus, "{to: acme/tiny, private: true}")
    refused = push(to=None)
    assert refused.returncode == 2 and "say --yes" in refused.stderr
    assert writes(hub) == []
    assert push("--yes", to=None).returncode == 0
    assert hub.repos[NAME].private


def test_a_recipe_may_want_it_public(hub: Hub, push: Push, corpus: Path) -> None:
    aimed(corpus, "{to: acme/tiny, private: false}")
    assert push(to="acme/elsewhere").returncode == 0
    assert hub.repos["acme/elsewhere"].private  # its target is another one
    done = push("--yes", to=None)
    assert done.returncode == 0 and "PUBLIC, to be created" in done.stdout
    assert not hub.repos[NAME].private


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals here")
@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_on_a_terminal_people_are_asked(hub: Hub, corpus: Path, tmp_path: Path, answer: str, code: int) -> None:
    aimed(corpus, "{to: acme/tiny}")
    ours, theirs = os.openpty()
    env = os.environ | hub.environment(tmp_path / "home") | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "gen", "push"],
        cwd=tmp_path,
        env=env,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(ours, f"{answer}\n".encode())
    _, said = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code, said
    assert "Push to acme/tiny? [y/N]" in said and "(made last in this folder)" in said
    assert (NAME in hub.repos) == (answer == "y")


def test_ctrl_c_in_the_middle_changes_nothing(hub: Hub, push: Push, corpus: Path, tmp_path: Path) -> None:
    uploading, go_on = threading.Event(), threading.Event()

    def wait(call: str) -> None:
        if call.startswith("PUT"):
            uploading.set()
            go_on.wait(30)

    hub.before = wait
    env = os.environ | hub.environment(tmp_path / "home") | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "gen", "push", str(corpus), "--to", NAME]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible
    )
    assert uploading.wait(60)
    process.send_signal(signal.SIGINT)
    threading.Timer(1, go_on.set).start()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Interrupted" in said and "Traceback" not in said
    assert hub.repos[NAME].files() == {}
    hub.before = lambda call: None
    assert push().returncode == 0
    assert set(hub.repos[NAME].files()) == USUAL
