"""What came of a question of BFCL, as the metrics count it: its own verdict is the call accuracy, its category the scenario."""

from __future__ import annotations

from gen.checks.offered import all_offered
from gen.scoring.bfcl import CATEGORIES, ast_verdict
from gen.scoring.bfcl_files import DOMAIN, Case
from gen.scoring.outcomes import Outcome, TurnOutcome, refused
from gen.scoring.pairing import outcomes, pair, said
from gen.scoring.played import PlayedTurn


def judge_case(case: Case, turn: PlayedTurn) -> Outcome:
    """Judge what a model said to a question of BFCL.

    Where no call is expected, the verdict counts as over-calling; ``success`` is the verdict in every category, and what BFCL reports.
    Output that cannot be read counts as no call, as BFCL has it.
    """
    made = turn.calls
    verdict = ast_verdict(case.functions, made, case.answers, case.category)
    problems = [turn.problem or "the output could not be read"] if turn.unread or turn.problem else []
    verdicts = {"parses": not problems}
    offered = {tool.name: tool for tool in all_offered(case.tools)}
    if made:
        unfit = list(refused(made, offered))
        problems += unfit
        verdicts["schema_valid"] = not unfit
    expected = [name for answer in case.answers for name in answer]
    pairs = pair(
        expected,
        [call.name for call in made],
        lambda i, j: ast_verdict(case.functions, [made[j]], [case.answers[i]], "simple").valid,
    )
    if CATEGORIES[case.category] == "irrelevance":
        verdicts["over_calling"] = bool(made)
    else:
        verdicts |= {"missed_calls": not made, "call_accuracy": verdict.valid}
    if expected:
        verdicts["right_tool"] = set(expected) == {call.name for call in made}
        if verdicts["right_tool"]:
            verdicts["arguments_right"] = all(p.right for p in pairs if p.expected is not None)
        problems += said(pairs, expected, made, lambda i, j: _difference(case, turn, i, j))
    if not verdict.valid:
        problems.append(f"{verdict.error}: {verdict.message}")
    calls = outcomes(pairs, expected, made, offered) if CATEGORIES[case.category] != "relevance" else ()
    judged = TurnOutcome(verdicts, calls, tuple(problems))
    return Outcome(case.id, case.category, DOMAIN, (judged,), {"success": verdict.valid})


def _difference(case: Case, turn: PlayedTurn, expected: int, made: int) -> str:
    return ast_verdict(case.functions, [turn.calls[made]], [case.answers[expected]], "simple").message
