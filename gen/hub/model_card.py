"""The card of an adapter that ``fcgen train`` made: what it is, how to load it, what it learned from, and how well.

All of it comes from the adapter's own files: ``training.json``, and ``score.json`` where ``fcgen score`` left one. Sections and keys of
the head that somebody added stay, as in the card of a corpus.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from gen.conversation import JsonObject
from gen.corpus.atomic import write_whole
from gen.corpus.card import fenced, table
from gen.corpus.head import README, card_text, read_card
from gen.errors import BadInput
from gen.hub.card import with_own
from gen.scoring.metrics import METRICS
from gen.training.adapter import ABOUT, BESIDE, about_adapter
from gen.training.curves import CURVES

SCORE = "score.json"
"""What ``fcgen score`` found of an adapter, in its folder; ``take_scores`` puts it there."""

OURS = frozenset({"## Use", "## Data", "## Training", "## Scores", "## Limitations", "## Licence"})
FACTS = frozenset({"library_name", "base_model_relation", "pipeline_tag", "model-index"})
"""Keys of the head that follow from the files. The others are somebody's to change."""

FEW = 12
"""Scenarios and domains that are named."""

_hub_id = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+").fullmatch


def is_adapter(folder: Path) -> bool:
    """Whether ``fcgen train`` finished one there."""
    return (folder / ABOUT).is_file()


def write_model_card(folder: Path, *, location: str = "") -> None:
    """Write README.md, or refresh it."""
    write_whole(folder / README, (model_card(folder, location=location or str(folder)).encode(),))


def model_card(folder: Path, *, location: str) -> str:
    """The card of a finished adapter, made anew, with what people added to the one that is there.

    Args:
        location: what to give to peft: the folder, or the repository that it goes to.

    Raises BadInput where the folder is no finished adapter, or its score file is none.
    """
    about, scored, kept = about_adapter(folder), read_scores(folder), read_card(folder)
    about |= {"base": _base(about, kept)}
    name = location.rstrip("/").rpartition("/")[2]
    sections = [
        f"# {name}",
        _summary(about),
        _use(about, location),
        _data(about),
        _training(about, drawn=(folder / CURVES).is_file()),
        scores_section(scored) if scored else "",
        _limitations(about),
        _licence(about),
    ]
    made = _head(about, scored, name), "\n" + "\n\n".join(section for section in sections if section) + "\n"
    known = FACTS | {key for key in ("base_model",) if key in made[0]}
    return card_text(*(with_own(made, kept, ours=OURS, facts=known) if kept else made))


def _base(about: JsonObject, kept: tuple[JsonObject, str] | None) -> str:
    """The base's name: of one that lay in a folder here, the name that somebody gave it in the head."""
    named = kept[0].get("base_model") if kept else None
    return str(named) if Path(about["base"]).is_absolute() and isinstance(named, str) else str(about["base"])


def take_scores(folder: Path, file: Path) -> None:
    """Put what ``fcgen score`` wrote beside the adapter, for its card. Raises BadInput for a file that is none of its."""
    about_adapter(folder)
    write_whole(folder / SCORE, (json.dumps(_scores(file), indent=2).encode() + b"\n",))


def read_scores(folder: Path) -> JsonObject | None:
    """What ``fcgen score`` found of this adapter; None where it was not scored. Raises BadInput for a file that is none of its."""
    return _scores(folder / SCORE) if (folder / SCORE).exists() else None


def _scores(path: Path) -> JsonObject:
    try:
        scored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"the scores cannot be read: {error}", where=str(path), hint="fcgen score writes them anew") from error
    if not isinstance(scored, dict) or "metrics" not in scored.get("scores", {}).get("overall", {}):
        raise BadInput("these are no scores that fcgen score wrote", where=str(path), hint="fcgen score writes them anew")
    return scored


def _head(about: JsonObject, scored: JsonObject | None, name: str) -> JsonObject:
    corpus = about.get("corpus", {})
    head: JsonObject = {
        "library_name": "peft",
        "base_model_relation": "adapter",
        "pipeline_tag": "text-generation",
        "tags": ["function-calling", "tool-calling", "tool-use", "lora", "fcgen"],
    }
    if _hub_id(about["base"]) and not Path(about["base"]).exists():
        head = {"base_model": about["base"]} | head
    if corpus.get("languages"):
        head["language"] = corpus["languages"]
    if licence := _licence_of(about):
        head["license"] = licence
    if corpus.get("repository"):
        head["datasets"] = [corpus["repository"]]
    return head | (_index(scored, corpus, name) if scored else {})


def _index(scored: JsonObject, corpus: JsonObject, name: str) -> JsonObject:
    """The scores as the Hub reads them."""
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type=corpus.get("repository") or corpus.get("name") or "conversations",
            dataset_name=str(scored.get("source", corpus.get("name", ""))),
            metric_type=key,
            metric_name=METRICS[key].title,
            metric_value=rate["share"],
        )
        for key, rate in _rates(scored["scores"]).items()
    ]
    data = ModelCardData(model_name=name, eval_results=results).to_dict()  # type: ignore[no-untyped-call]  # it has no types here
    return {"model-index": data["model-index"]} if results else {}


def _summary(about: JsonObject) -> str:
    base = "a small Gemma that was made for it (it lies in `base/`)" if about["base"] == BESIDE else f"`{about['base']}`"
    return (
        f"A LoRA adapter that teaches {base} to call functions, trained by [fcgen](https://github.com/fcgen/fcgen) on"
        f" {about['rows']:,} conversations in the special tokens of its template `{about['template']}`."
    )


def _use(about: JsonObject, location: str) -> str:
    attention = ', attn_implementation="eager"' if about.get("attention") == "eager" else ""
    dtype = about.get("precision", "bfloat16")
    if about["base"] == BESIDE:
        fetch = "from huggingface_hub import snapshot_download\n" if _hub_id(location) else ""
        folder = f'snapshot_download("{location}")' if fetch else f'"{location}"'
        code = f"""\
{fetch}from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = {folder}
tokenizer = AutoTokenizer.from_pretrained(folder)
base = AutoModelForCausalLM.from_pretrained(f"{{folder}}/base", dtype="{dtype}"{attention})
base.resize_token_embeddings(len(tokenizer))
model = PeftModel.from_pretrained(base, folder).eval()
"""
    else:
        code = f"""\
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{location}")
model = AutoPeftModelForCausalLM.from_pretrained("{location}", dtype="{dtype}"{attention}).eval()
"""
    code += """
messages = [{"role": "user", "content": "What's the status of my transaction T1001?"}]
parameters = {"type": "object", "properties": {"transaction_id": {"type": "string"}}, "required": ["transaction_id"]}
function = {"name": "retrieve_payment_status", "description": "Look up a payment", "parameters": parameters}
tools = [{"type": "function", "function": function}]
prompt = tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True, return_tensors="pt", return_dict=True)
said = model.generate(**prompt, do_sample=False, max_new_tokens=256, eos_token_id=ENDS)
print(tokenizer.decode(said[0, prompt["input_ids"].shape[1]:], skip_special_tokens=False))
""".replace("ENDS", f"tokenizer.convert_tokens_to_ids({json.dumps(about.get('ends', []))})")
    merged = (
        f"`fcgen merge-adapter {location} --out merged` makes a plain model of it, which vLLM and transformers load;"
        " vLLM cannot load an adapter that brings tokens of its own."
        if about["added_tokens"]
        else f"`fcgen merge-adapter {location} --out merged` makes a plain model of it."
    )
    added = ", ".join(f"`{token}`" for token in about["added_tokens"])
    tokens = f"\n\nTokens that the base does not know, and that the adapter brings: {added}." if added else ""
    return f"## Use\n\n{fenced('python', code.splitlines())}\n\n{merged}{tokens}"


def _data(about: JsonObject) -> str:
    corpus = about.get("corpus")
    if not corpus:
        return ""
    name = corpus["name"]
    link = f"[{name}](https://huggingface.co/datasets/{corpus['repository']})" if corpus.get("repository") else f"`{name}`"
    facts = [("corpus", link), ("rows", f"{about['rows']:,}"), ("learned tokens", f"{about['trained_tokens']:,}")]
    if corpus.get("digest"):
        facts.append(("recipe digest", f"`{corpus['digest']}`"))
    facts += [(key, _named(corpus[key])) for key in ("domains", "scenarios") if corpus.get(key)]
    if corpus.get("teachers"):
        facts.append(("spoken by", ", ".join(corpus["teachers"])))
    if about.get("left_out"):
        facts.append(("rows left out", f"{about['left_out']:,}"))
    return "## Data\n\n" + table(["", ""], facts)


def _named(counts: JsonObject) -> str:
    names = [f"{name} ({count:,})" for name, count in counts.items()]
    return ", ".join(names[:FEW]) + (f" and {len(names) - FEW} more" if len(names) > FEW else "")


def _training(about: JsonObject, *, drawn: bool) -> str:
    settings = about["settings"]
    lora = settings["lora"]
    kept = {key: settings[key] for key in ("epochs", "learning_rate", "schedule", "warmup", "batch", "accumulate", "weight_decay", "seed")}
    facts = [("LoRA", f"rank {lora['r']}, alpha {lora['alpha']}, dropout {lora['dropout']}, all linear layers")]
    facts += [(key.replace("_", " "), f"{value:g}" if isinstance(value, float) else str(value)) for key, value in kept.items()]
    facts += [("steps", f"{about['steps']:,}"), ("longest row", f"{settings['max_length']:,} tokens; longer ones are refused, never cut")]
    facts.append(("base in", "4 bits (NF4)" if settings.get("quantize") == "4bit" else about.get("precision", "")))
    facts += [(package, version) for package, version in about.get("versions", {}).items()]
    parts = ["## Training", table(["", ""], facts)]
    if about.get("held_out_calls"):
        exact, calls = about["exact_calls"], about["held_out_calls"]
        parts.append(f"Of {calls:,} held-out calls, {exact:,} had every token right when the right ones stood before it.")
    if drawn:
        parts.append(f"![Curves of the training]({CURVES})")
    return "\n\n".join(parts)


def scores_section(scored: JsonObject) -> str:
    """What ``fcgen score`` found, as a table: each metric with its interval, and before it, where there was a comparison."""
    before = scored.get("before")
    head = ["metric", *([f"before ({scored.get('compared', {}).get('name', 'base')})"] if before else []), "this model", "95 %", "of"]
    rows = list(_score_rows(scored["scores"], before, scored.get("changes", {})))
    if before:
        head.append("p")
    source = scored.get("source", "")
    count = scored["scores"]["overall"]["conversations"]
    told = f"By `fcgen score`, on {count:,} conversations{f' of `{source}`' if source else ''}, decoded greedily."
    told += (
        " The interval is Wilson's; p is of McNemar's exact test over conversations that changed."
        if before
        else " The interval is Wilson's."
    )
    lines = [f"{fact}." if not fact.endswith(".") else fact for fact in scored.get("notes", [])]
    return "\n\n".join(["## Scores", told, table(head, rows), *lines])


def _rates(scores: JsonObject) -> JsonObject:
    """Metric → its rate over all conversations, in the order of the table of metrics."""
    found = scores["overall"]["metrics"]
    return {key: found[key] for key in METRICS if key in found}


def _score_rows(scores: JsonObject, before: JsonObject | None, changes: JsonObject) -> Iterator[list[str]]:
    earlier = _rates(before) if before else {}
    for key, rate in _rates(scores).items():
        title = METRICS[key].title + ("" if METRICS[key].more_is_better else " (less is better)")
        row = [title, f"{rate['share']:.1%}", f"{rate['low']:.1%} – {rate['high']:.1%}", f"{rate['of']:,}"]
        if before:
            row.insert(1, f"{earlier[key]['share']:.1%}" if key in earlier else "–")
            p = changes.get(key, {}).get("p")
            row.append("" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}")
        yield row


def _limitations(about: JsonObject) -> str:
    return (
        "## Limitations\n\n"
        "- It was trained for calls of functions, in the domains above and the language of their conversations; with other tools, and in\n"
        "  plain chat, it may do worse than its base.\n"
        "- A call is a proposal. Check it against the tool's schema, and ask people before anything that cannot be undone.\n"
        f"- It expects the prompts of its own chat template (`{about['template']}`), which lies beside it."
    )


def _licence_of(about: JsonObject) -> str:
    """What the base's terms are, where its name says so: an adapter is under them."""
    base = about["base"].lower()
    return "gemma" if base.startswith("google/") and "gemma-4" not in base and "gemma" in base else ""


def _licence(about: JsonObject) -> str:
    corpus = about.get("corpus", {})
    told = "" if about["base"] == BESIDE else f"The terms of `{about['base']}` apply to what was made from it."
    told += f" The conversations are under {corpus['license']}." if corpus.get("license") else ""
    return f"## Licence\n\n{told.strip()}" if told else ""
