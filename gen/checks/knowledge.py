"""What a domain's own files tell the checks: the readings, what tools return, which of them write, which errors pass.

Reads files of ``gen.tools.catalogue``; the tables and the SQL in them are the environment's business.
"""

from __future__ import annotations

from gen.checks.context import DomainKnowledge
from gen.checks.words import read_readings
from gen.errors import BadInput
from gen.tools.catalogue import Domain


def knowledge_of(domain: Domain) -> DomainKnowledge:
    """What the checks should know of a domain. Raises BadInput with file and line where its readings cannot be used."""
    returns = {tool.name: tool.returns for tool in domain.tools.values() if tool.returns is not None}
    if not domain.has("environment.yaml"):
        return DomainKnowledge(returns=returns)
    source = domain.environment
    declared = source.data.get("tools")
    if not isinstance(declared, dict):
        raise BadInput("'tools' holds no mapping", where=source.where("tools"))
    return DomainKnowledge(
        readings=read_readings(source, "readings"),
        returns=returns,
        writes=frozenset(name for name, tool in declared.items() if isinstance(tool, dict) and tool.get("statements")),
        passing_errors=frozenset(map(str, source.data.get("passing_errors", ()))),
    )
