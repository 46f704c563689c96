"""What a card says of a corpus that fcgen made: from its recipe, its ledger and one of its rows.

The same whether the corpus was just made or lies on disk, so that a card can be written again at any time.
"""

from __future__ import annotations

from collections.abc import Mapping

from gen.checks.table import RULES, known_codes
from gen.conversation import Conversation, JsonObject
from gen.corpus.card import CardFacts
from gen.corpus.sample import as_markdown
from gen.recipe import Recipe
from gen.tools.catalogue import domains, find_domain


def card_facts(
    recipe: Recipe,
    ledger: JsonObject,
    *,
    location: str,
    example: Conversation | None,
    recipe_text: str,
    versions: Mapping[str, str],
    config: str = "",
) -> CardFacts:
    """The facts of a card.

    Args:
        ledger: the funnel of the run, as ``manifest.json`` has it.
        location, config: what to give to ``load_dataset``.
        example: a row to show.
    """
    model = recipe.model
    here = domains()
    ignored = known_codes(model.checks.ignore, where=recipe.where("checks", "ignore"))
    duplicates = ledger.get("rejected", {}).get("corpus: FC701", 0)
    wordings = ledger.get("rejected", {}).get("corpus: FC702", 0)
    return CardFacts(
        name=model.name,
        location=location,
        config=config,
        description=model.description,
        domains=tuple(model.tools.domains),
        language=model.language,
        composition=ledger.get("scenarios", {}),
        sample=as_markdown(example) if example else "",
        tools=tuple(
            (name, tool.name, tool.description) for name in model.tools.domains if name in here for tool in find_domain(name).tools.values()
        ),
        recipe=recipe_text,
        seed=model.seed,
        teacher=model.teacher.name,
        license="apache-2.0" if model.teacher.name == "simulator" else "other",
        versions=versions,
        candidates=ledger.get("candidates", 0),
        rejected=ledger.get("rejected", {}),
        checks={code: rule.summary for code, rule in RULES.items() if code not in ignored},
        near_duplicates=(
            f"Of two rows whose users say nearly the same (3-gram Jaccard over {model.checks.near_duplicates}),"
            f" the later was made anew: {duplicates} times. So was a row that begins with a wording of another split: {wordings} times."
            " No evaluation set was compared."
        ),
    )
