"""Models of this process: taught by heart they are right in everything, their bases in nothing; which prompt each gets; plain chat."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT, Fcgen
from references import published
from talk import byte_tokenizer
from tiny_models import build_model
from training_rows import Heard, write_corpus

from gen.cli.adapters import tools_of_training
from gen.cli.score_progress import ScoreProgress
from gen.corpus.reading import read_rows
from gen.errors import BadInput
from gen.rendering.templates import TEMPLATES, template_named
from gen.scoring import local_model
from gen.scoring.comparing import Asked, score_models
from gen.scoring.forgetting import plain_chats, surprise
from gen.scoring.forms import form_for
from gen.scoring.local_model import base_of_adapter, open_model, require_usable
from gen.scoring.played import as_played
from gen.scoring.scored import Scored
from gen.scoring.surprise import Forgetting, Surprise
from gen.scoring.tasks import on_bfcl, on_corpus
from gen.tools.catalogue import find_domain
from gen.training.adapter import load_adapter, merge
from gen.training.plan import plan
from gen.training.run import train
from gen.training.settings import settings_of

BFCL = ROOT.parent / "shared" / "data" / "bfcl"
ROWS = 4
BY_HEART = ["epochs=60", "lora.r=16", "lora.alpha=16", "learning_rate=0.01", "batch=4", "held_out=0"]


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows, a tiny Gemma, and an adapter that knows the rows of split train by heart."""
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("taught")
    corpus, base = write_corpus(folder / "rows.jsonl", ROWS, 2), build_model(folder / "base")
    model: Any = AutoModelForCausalLM.from_pretrained(base)
    model.get_input_embeddings().weight.data.mul_(8)  # a frozen embedding of the usual size keeps every logit small
    model.save_pretrained(base)
    settings = settings_of({"base": str(base)}, changes=BY_HEART)
    train(plan(corpus, folder / "adapter", template_named("gemma"), settings), Heard())
    return folder


def scored(taught: Path, folder: Path, **more: Any) -> Scored:
    task = on_corpus(taught / "rows.jsonl", split="train")
    return score_models(task, Asked(str(taught / "adapter"), **more), folder, ScoreProgress())


def shares(result: Any) -> dict[str, float]:
    return {name: rate.share for name, rate in result.overall.rates.items()}


@pytest.mark.slow
def test_what_was_taught_by_heart_is_right_and_the_base_knows_none_of_it(taught: Path, tmp_path: Path) -> None:
    found = scored(taught, tmp_path, compare="base", max_new_tokens=64)
    assert shares(found.scores)["call_accuracy"] == shares(found.scores)["success"] == 1
    assert found.earlier is not None and shares(found.earlier)["call_accuracy"] == 0
    assert found.after.told == "template gemma"
    assert open_model(str(taught / "adapter")).room(found.task.rows) == 128
    assert found.before is not None and found.before.told == "tools told in words, in its own chat template"
    assert found.changes["call_accuracy"].gained == ROWS
    assert found.forgetting is not None and found.forgetting.ratio != 1 and found.forgetting.before.tokens == found.forgetting.after.tokens
    merge(taught / "adapter", tmp_path / "merged")
    merged = score_models(
        found.task, Asked(str(tmp_path / "merged"), compare=str(taught / "base"), max_new_tokens=64), tmp_path, ScoreProgress()
    )
    assert shares(merged.scores) == shares(found.scores) and merged.after.told == "template gemma"
    assert merged.after.played == found.after.played
    assert merged.forgetting is not None and merged.forgetting.after.perplexity == pytest.approx(
        found.forgetting.after.perplexity, rel=1e-2
    )


@pytest.mark.slow
def test_the_command_names_model_base_and_template(taught: Path, fcgen: Fcgen) -> None:
    rows, adapter = str(taught / "rows.jsonl"), str(taught / "adapter")
    done = fcgen("score", rows, "--model", adapter, "--split", "train", "--no-guard", "--report", "score.html")
    assert done.returncode == 0, done.stderr
    assert "call accuracy" in done.stdout and f"{adapter}: template gemma" in done.stdout
    chat = fcgen("chat", "--model", adapter, "--max-new-tokens", "4", input="hello\n")
    assert (
        chat.returncode == 0
        and "user       hello" in chat.stdout
        and "template gemma; 1 tool of payments that its training offered" in chat.stderr
    )


def test_an_adapter_is_offered_the_tools_of_its_training(tmp_path: Path) -> None:
    about = {"base": "", "fingerprint": "", "added_tokens": []}
    (tmp_path / "training.json").write_text(json.dumps(about | {"corpus": {"tools": {"cancel_standing_order": 9, "track_parcel": 2}}}))
    assert tools_of_training(str(tmp_path), "payments") == ("cancel_standing_order",)
    everything = dict.fromkeys(find_domain("payments").tools, 1)
    for told in ({"tools": everything}, {"tools": {"track_parcel": 2}}, {}):
        (tmp_path / "training.json").write_text(json.dumps(about | {"corpus": told}))
        assert tools_of_training(str(tmp_path), "payments") == ()
    assert tools_of_training(str(tmp_path / "nowhere"), "payments") == ()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "adapters/nowhere"), "there is no model 'adapters/nowhere'"),
        (("--model", "./nowhere"), "there is no model './nowhere'"),
        (("--model", "vllm:some/model"), "vLLM is asked as a server here"),
        (("--model", "empty"), "there are no weights in this folder"),
        ((), "no model was named, and there is no adapter adapters/rows"),
        (("--model", "server:http://127.0.0.1:9/v1#m", "--split", "tset"), "no split 'tset'"),
        (("--model", "server:http://127.0.0.1:9/v1#m", "--history", "executed"), "nothing here executes the calls"),
        (("--model", "server:http://127.0.0.1:9/v1#m", "--compare", "base"), "is no adapter, so it has no base"),
        (("--model", "server:http://127.0.0.1:9/v1#m", "--plain", "rows.jsonl"), "there is no conversation without tools"),
        (("--model", "server:http://127.0.0.1:9/v1#m", "--category", "simple"), "only BFCL has categories"),
        (("--model", "server:http://127.0.0.1:9/v1#m", "--out", "empty"), "this is a folder"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_loaded(fcgen: Fcgen, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    write_corpus(tmp_path / "rows.jsonl", 1, 1)
    (tmp_path / "empty").mkdir()
    done = fcgen("score", "rows.jsonl", *arguments)
    assert done.returncode == 2 and said in done.stderr, done.stderr


@pytest.fixture(scope="module")
def hardly_taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows, a tiny Gemma, and an adapter of two steps."""
    folder = tmp_path_factory.mktemp("hardly")
    corpus, base = write_corpus(folder / "rows.jsonl", 2, 1), build_model(folder / "base")
    settings = settings_of({"base": str(base)}, changes=["epochs=2", "lora.r=4", "learning_rate=0.05", "batch=2", "held_out=0"])
    train(plan(corpus, folder / "adapter", template_named("gemma"), settings), Heard())
    return folder


def test_rows_that_a_prompt_cannot_say_are_left_out_and_named(hardly_taught: Path, tmp_path: Path) -> None:
    plain, odd = (row.to_wire() for row in read_rows(hardly_taught / "rows.jsonl", splits=["train"]))
    call = odd["messages"][1]["tool_calls"][0]
    odd["messages"][1]["tool_calls"] = [call | {"id": "unanswere"}, call]  # no order tells whose the result is
    odd["messages"].append({"role": "user", "content": "And now?"})
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row | {"split": "test"}) + "\n" for row in (plain, odd)), encoding="utf-8")
    asked = Asked(str(hardly_taught / "adapter"), compare="base", max_new_tokens=2, guard=False)
    found = score_models(on_corpus(path), asked, tmp_path, ScoreProgress())
    assert [row.id for row in found.rows] == [plain["id"]] and found.scores.overall.conversations == 1
    assert found.left_out[0].startswith(f"1 row that a model's prompt cannot say, such as {odd['id']}: ")
    assert found.report().left_out == found.left_out and found.to_json()["conversations"] == 1
    path.write_text(json.dumps(odd | {"split": "test"}) + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match="can say none of these rows"):
        score_models(on_corpus(path), asked, tmp_path, ScoreProgress())


def test_an_adapter_and_its_base_are_the_same_weights_switched(hardly_taught: Path) -> None:
    model = open_model(str(hardly_taught / "adapter"))
    row = on_corpus(hardly_taught / "rows.jsonl").rows[0]
    ids = torch.tensor([model.chosen.form.prompt(replace(row, messages=row.messages[:1]), thinks=False).tokens])
    wrapped, _ = load_adapter(hardly_taught / "adapter")

    def logits(one: Any) -> Any:
        with one.active(), torch.inference_mode():
            return one.model(input_ids=ids).logits

    with torch.inference_mode():
        on = wrapped(input_ids=ids).logits
        with wrapped.disable_adapter():
            off = wrapped(input_ids=ids).logits
    assert not torch.allclose(on, off, atol=1e-2)
    switched_off = base_of_adapter(model)
    for one, expected in ((model, on), (switched_off, off), (model, on), (switched_off, off)):
        assert torch.equal(logits(one), expected)


@pytest.mark.skipif(not BFCL.is_dir(), reason="BFCL's files are not beside this checkout (../shared/data/bfcl)")
def test_a_model_by_chance_calls_nothing_right_in_bfcl(tmp_path: Path) -> None:
    asked = Asked(str(build_model(tmp_path / "base")), max_new_tokens=4, guard=False)
    found = score_models(on_bfcl(BFCL, limit=1), asked, tmp_path, ScoreProgress())
    assert {outcome.scenario for outcome in found.after.outcomes} == set(found.scores.by_scenario) >= {"parallel", "irrelevance"}
    assert found.scores.overall.rates["call_accuracy"].count == 0
    assert found.scores.by_scenario["irrelevance"].rates["success"].share == 1


# -- which prompt a model gets


def told_by(tokenizer: Any, **more: Any) -> str:
    return form_for(tokenizer, (1,), **more).told


def tokenizer_with(tokens: tuple[str, ...], chat_template: str | None) -> Any:
    tokenizer = byte_tokenizer(tokens)
    tokenizer.chat_template = chat_template
    return tokenizer


def test_a_template_of_ours_is_known_by_what_was_saved() -> None:
    for template in TEMPLATES.values():
        assert told_by(tokenizer_with(template.control_tokens, template.jinja)) == f"template {template.name}"


@pytest.mark.parametrize(("name", "file"), [("qwen2.5", "qwen2_5"), ("qwen3", "qwen3_training"), ("gemma-4", "gemma4_v5")])
def test_a_model_that_speaks_one_of_our_formats_is_asked_in_it(name: str, file: str) -> None:
    tokenizer = tokenizer_with(TEMPLATES[name].control_tokens, published(file))
    tokenizer.bos_token = "<bos>" if name == "gemma-4" else None
    assert told_by(tokenizer) == f"its own prompt, which is the template {name}"


def test_a_model_without_tokens_for_tools_is_told_them_in_words() -> None:
    gemma = TEMPLATES["gemma"]
    plain = tokenizer_with(gemma.base_tokens, published("gemma"))
    assert told_by(plain) == "tools told in words, in its own chat template"
    assert told_by(tokenizer_with(gemma.base_tokens, None), turns="gemma") == "tools told in words, in the turns of gemma"
    with pytest.raises(BadInput, match="has no chat template"):
        form_for(tokenizer_with(gemma.base_tokens, None), (1,))
    with pytest.raises(BadInput, match="lacks <\\|im_start\\|>"):
        form_for(tokenizer_with(gemma.base_tokens, None), (1,), turns="qwen3")
    with pytest.raises(BadInput, match=r"lacks control tokens of the template 'gemma': \[AVAILABLE_TOOLS\]"):
        form_for(plain, (1,), asked="gemma")
    with pytest.raises(BadInput, match="did you mean 'gemma'"):
        form_for(plain, (1,), asked="gema")


def test_an_adapter_is_asked_in_no_other_template(tmp_path: Path) -> None:
    folder = build_model(tmp_path / "base")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    about = {"base": str(folder), "fingerprint": "0", "added_tokens": [], "template": "gemma"}
    (adapter / "training.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(BadInput, match=r"the adapter has no adapter_model"):
        require_usable(str(adapter))
    with pytest.raises(BadInput, match=r"trained on the template 'gemma'"):
        require_usable(str(adapter), "qwen3")


def test_a_package_that_is_missing_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(local_model, "find_spec", lambda name: None if name == "torch" else find_spec(name))
    with pytest.raises(BadInput, match="package 'torch'") as error:
        require_usable(str(tmp_path))
    assert "pip install 'fcgen[train]'" in str(error.value)


def test_held_out_tools_are_those_that_no_row_of_train_offers(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in write_corpus(tmp_path / "rows.jsonl", 2, 2).read_text(encoding="utf-8").splitlines()]
    path = tmp_path / "rows.jsonl"
    assert on_corpus(path).seen is None and len(on_corpus(path).rows) == 2 and on_corpus(path, split="train").seen is None
    rows[-1]["tools"][0]["function"]["name"] = rows[-1]["messages"][1]["tool_calls"][0]["function"]["name"] = "another_tool"
    rows[-1]["messages"][2]["name"] = "another_tool"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    task = on_corpus(path)
    assert task.seen == {"retrieve_payment_status"}
    assert [task.judge(row, as_played(row)).part for row in task.rows] == ["seen tools", "held-out tools"]


# -- plain chat


def test_a_model_that_can_say_no_plain_chat_is_a_note_and_no_failure(tmp_path: Path) -> None:
    odd = {"messages": [{"role": "user", "content": "Hm."}]}
    (tmp_path / "plain.jsonl").write_text(json.dumps(odd) + "\n", encoding="utf-8")
    task = on_corpus(write_corpus(tmp_path / "rows.jsonl", 1, 1))
    asked = Asked(str(build_model(tmp_path / "base")), max_new_tokens=4, plain=tmp_path / "plain.jsonl")
    found = score_models(task, asked, tmp_path, ScoreProgress())
    assert found.forgetting is None and "can say none of the plain chats" in found.notes[0]


def test_plain_chats_are_many_and_varied_and_call_nothing() -> None:
    chats = plain_chats()
    assert len({chat.messages[0].content for chat in chats}) == len(chats) >= 60
    assert all([message.role for message in chat.messages] == ["user", "assistant"] and not chat.tools for chat in chats)


def test_surprise_is_what_transformers_computes(tmp_path: Path) -> None:
    model = open_model(str(build_model(tmp_path / "base")))
    chats = plain_chats()[:5]
    found = surprise(model, chats)
    total, count = 0.0, 0
    for chat in chats:
        question, answer = (message.content for message in chat.messages)
        prompt = model.tokenizer.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False)
        begins = model.tokenizer(prompt, add_special_tokens=False)["input_ids"]
        says = model.tokenizer(answer, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = model.model(input_ids=torch.tensor([begins + says])).logits[0]
        likely = torch.log_softmax(logits[len(begins) - 1 : -1].float(), -1)
        total -= float(likely.gather(1, torch.tensor(says)[:, None]).sum())
        count += len(says)
    assert found.tokens == count and found.loss == pytest.approx(total, rel=1e-4)


def test_forgetting_is_a_ratio_for_a_token_of_before() -> None:
    before, after = Surprise(100.0, 100), Surprise(150.0, 50)
    found = Forgetting(before, after, "base", 1)
    assert found.ratio == pytest.approx(replace(before, loss=150.0).perplexity / before.perplexity)
    assert Forgetting(before, before, "base", 1).ratio == 1
