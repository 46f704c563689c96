"""The dataset card: README.md of a corpus, its head for machines and its text for people.

The head states the features and the exact counts, so that ``load_dataset`` need not guess; the text says what is in the
corpus, how it was made, what was checked and what it is not good for. One function for each section; all that is said
comes from ``CardFacts``, and nothing from a clock, so that the same corpus has the same card.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gen.conversation import JsonObject
from gen.corpus.cells import COLUMNS, Kind, Layout
from gen.corpus.folder import Written
from gen.corpus.head import card_text, configs, shard_glob

LANGUAGES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish"}

_SIZES = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M")]
_LARGEST = "10M<n<100M"

_MEANINGS = {
    "id": "name of the row, unique in the corpus",
    "messages": "the conversation; `arguments` of a call are an object, `content` of a tool message is the JSON text of the result",
    "tools": "the tools that were offered, with their parameters as JSON Schema",
    "domain": "where the tools come from",
    "scenario": "the kind of conversation",
    "persona": "how the user speaks",
    "teacher": "who spoke",
    "split": "the split that the row is in",
    "slot": "the row's place over all splits",
    "attempt": "how many candidates of this slot were rejected before",
    "plan": "goals, expected calls, facts the user asked for and digest of the expected database state; null where there was none",
    "sources": "where each argument came from: user, earlier result, system message or default, and the message it stands in",
    "untrained": "indexes of assistant messages that are not to be learned from",
}


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says, beside the shards.

    Attributes:
        name, description: of the recipe.
        location: what to give to ``load_dataset``: a folder, a repository once it is pushed, or the URL of another place.
        config: which of the repository's corpora this is; "" for the only one.
        domains: the domains of the tools.
        language: two-letter code.
        composition: scenario → split → number of rows.
        sample: one conversation as readable Markdown.
        tools: (domain, name, description) of every tool offered.
        recipe: the text of recipe.yaml.
        seed, teacher: the recipe's.
        versions: package → version.
        candidates: how many conversations were made to have these rows.
        rejected: reason → how many candidates were rejected for it.
        checks: code of a rule → what it demands; every row passed all of them.
        near_duplicates: one sentence on how near-duplicates were sought and how many were rejected.
        license: of the corpus.
    """

    name: str
    location: str
    config: str = ""
    description: str = ""
    domains: tuple[str, ...] = ()
    language: str = "en"
    composition: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    sample: str = ""
    tools: tuple[tuple[str, str, str], ...] = ()
    recipe: str = ""
    seed: int = 0
    teacher: str = "simulator"
    versions: Mapping[str, str] = field(default_factory=dict)
    candidates: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    near_duplicates: str = ""
    license: str = "apache-2.0"


def render_card(written: Written, facts: CardFacts) -> str:
    """The text of README.md for these shards."""
    sections = [
        _summary(written, facts),
        _quick_start(written, facts),
        _composition(written, facts),
        _columns(written.layout),
        _sample(facts),
        _tools(facts),
        _making(facts),
        _checked(written, facts),
        _personal_data(),
        _limitations(facts),
        _licence_and_citation(written, facts),
    ]
    return card_text(_head(written, facts), "\n" + "\n\n".join(section for section in sections if section) + "\n")


def feature_list(layout: Layout) -> list[JsonObject]:
    """The columns as the head of a card spells them: ``{"name": "messages", "list": "json"}``."""
    spellings: dict[Kind, JsonObject] = {"jsons": {"list": "json"}, "json": {"dtype": "json"}, "int32s": {"list": "int32"}}
    if layout == "string":
        spellings |= {"jsons": {"dtype": "string"}, "json": {"dtype": "string"}}
    return [{"name": name, **spellings.get(kind, {"dtype": kind})} for name, kind in COLUMNS.items()]


def size_category(rows: int) -> str:
    """The Hub's bucket for a number of rows."""
    return next((name for limit, name in _SIZES if rows < limit), _LARGEST)


def _head(written: Written, facts: CardFacts) -> JsonObject:
    counts = written.splits
    arrow_bytes = {split: sum(shard.arrow_bytes for shard in written.shards if shard.split == split) for split in counts}
    shards = {split: sum(1 for shard in written.shards if shard.split == split) for split in counts}
    return {
        "pretty_name": facts.name,
        "language": [facts.language],
        "license": facts.license,
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "multilinguality": ["monolingual"],
        "source_datasets": ["original"],
        "task_categories": ["text-generation"],
        "size_categories": [size_category(sum(counts.values()))],
        "tags": ["function-calling", "tool-calling", "tool-use", "synthetic", "fcgen"],
        "configs": configs((split, shard_glob(split, number)) for split, number in shards.items()),
        "dataset_info": {
            "features": feature_list(written.layout),
            "splits": [{"name": split, "num_bytes": arrow_bytes[split], "num_examples": count} for split, count in counts.items()],
            "download_size": sum(shard.bytes for shard in written.shards),
            "dataset_size": sum(arrow_bytes.values()),
        },
    }


def _summary(written: Written, facts: CardFacts) -> str:
    language = LANGUAGES.get(facts.language, facts.language)
    text = (
        f"{sum(written.splits.values()):,} synthetic conversations in {language} in which an assistant uses tools:"
        " it thinks, calls, observes the result and answers."
    )
    if facts.domains:
        text += f" Domains: {', '.join(facts.domains)}."
    text += (
        " Every call was executed against a database when the conversation was made, and every row passed the checks below."
        " Made by [fcgen](https://github.com/fcgen/fcgen)."
    )
    return "\n\n".join(filter(None, [f"# {facts.name}", facts.description, text]))


def _quick_start(written: Written, facts: CardFacts) -> str:
    split = next(iter(written.splits), "train")
    load = ["from datasets import load_dataset", "", f"rows = {_load_call(facts, split)}"]
    show = ["for message in messages:", '    print(message["role"], message["content"], message.get("tool_calls", ""))']
    if written.layout == "string":
        code = ["import json", "", *load, 'messages = json.loads(rows[0]["messages"])', *show]
        note = "`messages`, `tools`, `plan` and `sources` are JSON strings, which every version of datasets reads."
    else:
        code = [*load, 'messages = rows[0]["messages"]', *show]
        note = "This needs datasets 4.7 or newer. Arguments are the objects that were written: no key was added, no number rounded."
    return f"## Quick start\n\n{fenced('python', code)}\n\n{note}"


def _load_call(facts: CardFacts, split: str) -> str:
    if "://" in facts.location:  # a place that is no repository is read by its files
        return f'load_dataset("parquet", data_files="{facts.location}/data/{split}-*.parquet", split="train")'
    config = f', "{facts.config}"' if facts.config else ""
    return f'load_dataset("{facts.location}"{config}, split="{split}")'


def _composition(written: Written, facts: CardFacts) -> str:
    splits = list(written.splits)
    rows = [
        [scenario, *(f"{counts.get(split, 0):,}" for split in splits), f"{sum(counts.values()):,}"]
        for scenario, counts in facts.composition.items()
    ]
    total = ["**all**", *(f"{count:,}" for count in written.splits.values()), f"{sum(written.splits.values()):,}"]
    return "## Composition\n\n" + table(["scenario", *splits, "all"], [*rows, total])


def _columns(layout: Layout) -> str:
    rows = [[f"`{entry['name']}`", _spelled(entry), _MEANINGS[entry["name"]]] for entry in feature_list(layout)]
    return "## Columns\n\n" + table(["column", "type", "meaning"], rows)


def _spelled(entry: JsonObject) -> str:
    return f"list of {entry['list']}" if "list" in entry else str(entry["dtype"])


def _sample(facts: CardFacts) -> str:
    return f"## A conversation\n\n{facts.sample.strip()}" if facts.sample.strip() else ""


def _tools(facts: CardFacts) -> str:
    if not facts.tools:
        return ""
    listed = table(["domain", "tool", "what it does"], [[domain, f"`{name}`", text] for domain, name, text in facts.tools])
    return f"## Tools\n\n{len(facts.tools)} tools; each conversation is offered a few of them.\n\n{listed}"


def _making(facts: CardFacts) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in facts.versions.items())
    text = (
        "A plan fixes the goal of a conversation and is executed once before anyone speaks; user and assistant then speak, and what they"
        f" say is kept only if it reaches the plan's goal. {_spoken_by(facts)} All chance comes from seed {facts.seed}: the recipe below"
        + ("" if facts.teacher == "simulator" else " and the completions that were kept")
        + (f" makes the same bytes again with {versions}." if versions else " makes the same bytes again with the same versions.")
    )
    recipe = "\n\n" + fenced("yaml", facts.recipe.rstrip("\n").split("\n")) if facts.recipe.strip() else ""
    return f"## How it was made\n\n{text}{recipe}"


def _spoken_by(facts: CardFacts) -> str:
    if facts.teacher == "simulator":
        return "Both were played by fcgen's own simulator (Apache-2.0), a grammar with personas: no language model wrote any of it."
    return f"Both were played by `{facts.teacher}`: its licence and terms of use apply to what it wrote."


def _checked(written: Written, facts: CardFacts) -> str:
    parts = ["## What was checked"]
    if facts.candidates:
        refused = f"{facts.candidates:,} candidates were made, and {sum(facts.rejected.values()):,} of them rejected."
        parts.append(f"{refused} They stay in `rejected/` of the folder that the corpus was made in, with the reason.")
    if facts.rejected:
        parts.append(table(["reason", "rejected"], [[reason, f"{count:,}"] for reason, count in facts.rejected.items()]))
    if facts.checks:
        parts.append("Every row passed these rules:\n\n" + table(["rule", "demands"], facts.checks.items()))
    if facts.near_duplicates:
        parts.append(facts.near_duplicates)
    if len(written.splits) > 1:
        parts.append("No wording of a first message (its values masked) and no signed-in person is in two splits.")
    parts.append("`manifest.json` has the SHA-256 of every file.")
    return "\n\n".join(parts)


def _personal_data() -> str:
    return (
        "## Personal data\n\n"
        "There is none. Names are invented by Faker and belong to nobody in particular; e-mail addresses are in domains reserved for"
        " examples (RFC 2606), telephone numbers in ranges reserved for fiction, card and account numbers are documented test numbers."
    )


def _limitations(facts: CardFacts) -> str:
    language = LANGUAGES.get(facts.language, facts.language)
    return (
        "## Limitations\n\n"
        "- The language was made by a machine. It varies in words and manners, but less than people do: a model that learns from this alone"
        " will know fewer ways to ask than its users.\n"
        f"- It covers the domains and tools above, in {language}, and says little about how a model does with others.\n"
        "- Results come from an invented database. They are consistent with each other, not with the world.\n"
        "- The checks find wrong calls, ungrounded arguments and contradictions that rules can find; they do not judge tact or style.\n"
        "- Mix it with general conversations when training, or the model may forget what it could do before."
    )


def _licence_and_citation(written: Written, facts: CardFacts) -> str:
    rows = sum(written.splits.values())
    key = "".join(letter if letter.isalnum() else "_" for letter in facts.name)
    citation = [
        f"@misc{{{key}_fcgen,",
        f"  title = {{{facts.name}: {rows:,} verified function-calling conversations}},",
        f"  note = {{made with fcgen {facts.versions.get('fcgen', '')}, seed {facts.seed}}},",
        "  howpublished = {\\url{https://github.com/fcgen/fcgen}}",
        "}",
    ]
    licence = f"{facts.license}." if facts.teacher == "simulator" else f"What {facts.teacher} wrote is under the terms of that model."
    return f"## Licence and citation\n\n{licence}\n\n{fenced('bibtex', citation)}"


def fenced(language: str, lines: Iterable[str]) -> str:
    """A block of code, whatever stands in it."""
    body = "\n".join(lines)
    fence = "````" if "```" in body else "```"
    return f"{fence}{language}\n{body}\n{fence}"


def table(header: list[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines)
