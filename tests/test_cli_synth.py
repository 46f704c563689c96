"""``fcgen synth``: options reach the run, progress goes to stderr, the summary to stdout, a shortfall ends in exit code 1."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gen.cli import progress
from gen.cli.progress import Lines, duration
from gen.cli.synth import default_workers, synth
from gen.errors import BadInput
from gen.recipe import Recipe
from gen.synthesis.summary import Summary
from gen.teachers.budget import Usage
from gen.teachers.request import Completion


class Run:
    """In the place of a real run: remembers what it was asked for, and answers with a summary."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.answer: dict[str, Any] = {}

    def __call__(self, recipe: Recipe, out: Path, *, progress: Any, models: Any, **asked: Any) -> Summary:
        self.budget = models.budget
        self.asked = {"recipe": recipe.model, "out": out, **asked}
        rows, shard = asked["rows"], asked["shard"]
        progress.start(rows, 0)
        progress.advance(rows, 3)
        progress.note("a note")
        facts: dict[str, Any] = {
            "rows": rows,
            "asked": rows,
            "splits": {"train": 180, "test": 20},
            "scenarios": {"single": 160, "no_call": 40},
        }
        facts |= {"rejected": {"check: FC301": 2, "plan: nothing_fits": 7}, "seconds": 0.5, "complete": True, "shard": shard}
        return Summary(corpus=out, **facts | self.answer)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    run = Run()
    monkeypatch.setattr("gen.synthesis.run.synthesize", run)
    return run


def run(*arguments: str) -> Result:
    return CliRunner().invoke(synth, arguments)


def test_options_reach_the_run(made: Run) -> None:
    result = run(
        "--recipe", "tiny", "--rows", "50", "--seed", "3", "--set", "thoughts=0", "--out", "here", "--workers", "2", "--shard", "2/8"
    )
    assert result.exit_code == 0, result.exception
    model = made.asked.pop("recipe")
    assert made.asked == {"out": Path("here"), "rows": 50, "workers": 2, "shard": (2, 8), "layout": "json", "ray": ""}
    assert (model.rows, model.seed, model.thoughts) == (50, 3, 0.0)


def test_defaults_are_the_recipes(made: Run) -> None:
    assert run("--recipe", "tiny").exit_code == 0
    assert (made.asked["out"], made.asked["rows"], made.asked["shard"]) == (Path("corpora/tiny"), 3600, None)


def test_an_option_wins_over_set(made: Run) -> None:
    run("--recipe", "tiny", "--rows", "50", "--set", "rows=70")
    assert made.asked["rows"] == 50


def test_the_summary_says_what_was_made_and_what_to_type_next(made: Run) -> None:
    result = run("--recipe", "tiny", "--rows", "200")
    assert "corpora/tiny: 200 conversations, in 0.5 s (400 rows/s)" in result.stdout
    assert "train 180, test 20" in result.stdout
    assert "9 candidates: plan nothing_fits 7, check FC301 2" in result.stdout
    assert "  fcgen show corpora/tiny\n" in result.stdout
    assert "200 of 200 rows" in result.stderr
    assert "a note" in result.stderr


def test_json_is_all_that_stdout_carries(made: Run) -> None:
    summary = json.loads(run("--recipe", "tiny", "--rows", "200", "--json").stdout)
    assert (summary["corpus"], summary["rows"], summary["complete"]) == ("corpora/tiny", 200, True)


def test_quiet_is_quiet(made: Run) -> None:
    result = run("--recipe", "tiny", "--rows", "200", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert json.loads(run("--recipe", "tiny", "--rows", "200", "--quiet", "--json").stdout)["rows"] == 200


def test_a_shortfall_is_exit_code_1(made: Run) -> None:
    made.answer = {"rows": 190, "complete": False}
    result = run("--recipe", "tiny", "--rows", "200")
    assert result.exit_code == 1
    assert "only 190 of 200 rows" in result.stderr


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"grown_from": 150}, "200 conversations, grown from 150, in 0.5 s (100 rows/s)"),
        ({"already_done": True, "grown_from": 200}, "200 conversations, made before"),
        ({"shard": (2, 8)}, "200 conversations in part 2 of 8"),
    ],
)
def test_the_summary_tells_a_run_from_a_growth_and_a_part(made: Run, answer: dict[str, Any], said: str) -> None:
    made.answer = answer
    assert said in run("--recipe", "tiny", "--rows", "200").stdout


def test_without_a_recipe_it_says_which_there_are() -> None:
    error = run().exception
    assert isinstance(error, BadInput)
    assert "payments" in error.allowed


@pytest.mark.parametrize("shard", ["0/8", "9/8", "3", "a/b", "1/0", "-1/2"])
def test_a_shard_is_one_of_n(shard: str) -> None:
    result = run("--recipe", "tiny", "--shard", shard)
    assert result.exit_code == 2
    assert "2/8" in result.stderr


def test_interrupted_it_says_that_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Summary:
        raise KeyboardInterrupt

    monkeypatch.setattr("gen.synthesis.run.synthesize", interrupted)
    assert "the same command goes on" in run("--recipe", "tiny").stderr


TEACHER = "server:http://localhost:8000/v1#my-model"


def test_a_teacher_and_its_limits_reach_the_run(made: Run) -> None:
    limits = ("--token-budget", "1.5M", "--max-cost", "20", "--max-hours", "8", "--concurrency", "7")
    result = run("--recipe", "tiny", "--teacher", TEACHER, "--set", "teacher.price={input: 0.5, output: 1.5}", *limits)
    assert result.exit_code == 0, result.exception
    teacher = made.asked["recipe"].teacher
    assert (teacher.name, teacher.concurrency) == (TEACHER, 7)
    assert (made.budget.tokens, made.budget.cost, made.budget.hours) == (1_500_000, 20.0, 8.0)
    assert (made.budget.price.tokens_in, made.budget.price.tokens_out) == (0.5, 1.5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--token-budget", "5M"), "the simulator uses no model"),
        (("--teacher", TEACHER, "--max-cost", "3"), "needs prices"),
        (("--teacher", TEACHER, "--token-budget", "many"), "'many' is no number of tokens"),
    ],
)
def test_limits_that_mean_nothing(made: Run, words: tuple[str, ...], message: str) -> None:
    assert message in str(run("--recipe", "tiny", *words).exception)


def test_a_used_up_budget_is_no_success_and_says_how_to_go_on(made: Run) -> None:
    made.answer = {"complete": False, "asked": 60, "stopped": "the token budget of 5k is used up: 5,100 tokens", "faults": {"user": 1}}
    paid = {"role": "user", "model": "m", "requests": 9, "tokens_in": 9000, "tokens_out": 900, "tokens_cached": 0, "seconds": 1.0}
    made.answer["usage"] = {"paid": [paid], "reused": []}
    result = run("--recipe", "tiny", "--rows", "50", "--teacher", TEACHER)
    assert result.exit_code == 1
    assert "token budget of 5k" in result.stderr
    assert "larger limit goes on" in result.stderr
    assert "9 requests, 9k tokens in, 900 out" in result.stdout
    assert "user 1" in result.stdout


def test_a_dry_run_says_what_a_model_would_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("--recipe", "tiny", "--rows", "50", "--teacher", TEACHER, "--dry-run")
    assert "requests" in result.stdout
    assert "tokens in" in result.stdout
    assert not list(tmp_path.iterdir())


def test_workers_are_by_rows_and_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gen.cli.synth.cores", lambda: 4)
    assert [default_workers(rows) for rows in (1, 2000, 4000, 1_000_000)] == [1, 1, 2, 4]


# -- how progress is told


def test_lines_come_now_and_then_and_at_the_end(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 0.0, 1.0, 6.0, 7.0, 10.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with Lines() as lines:
        lines.start(100, 20)
        for _ in range(3):
            lines.advance(10, 1)
    assert capsys.readouterr().err.splitlines() == [
        "40 of 100 rows · 3.3 rows/s · 2 rejected · 18.0 s left",
        "50 of 100 rows · 3 rows/s · 3 rejected · 16.7 s left",
    ]


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with progress.reporter(quiet=False) as bar:
        bar.start(100, 20)
        bar.advance(30, 4)
        usage = Usage()
        usage.count(Completion("Hi", tokens_in=2_400_000, tokens_out=9), role="user", model="m")
        bar.used(usage)
        bar.note("a note")
    said = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert "50/100" in said
    assert "4 rejected" in said
    assert "2.4M tokens paid for" in said
    assert "a note" in said


@pytest.mark.parametrize(("seconds", "said"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (250, "4 min 10 s"), (7500, "2 h 5 min")])
def test_a_duration_is_short(seconds: float, said: str) -> None:
    assert duration(seconds) == said


# -- for real


@pytest.mark.slow
def test_a_corpus_is_made_read_and_left_alone(fcgen: Any, tmp_path: Path) -> None:
    first = fcgen("synth", "--recipe", "tiny", "--rows", "40", "--json")
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)
    assert (summary["rows"], summary["complete"]) == (40, True)
    assert "\x1b" not in first.stderr
    shown = fcgen("show", "--count", "2", "--scenario", "single")
    assert "corpora/tiny (made last in this folder)" in shown.stderr
    assert shown.stdout.count(" · single · ") == 2
    again = fcgen("synth", "--recipe", "tiny", "--rows", "40")
    assert (again.returncode, "made before" in again.stdout) == (0, True)


@pytest.mark.slow
def test_a_dry_run_writes_nothing(fcgen: Any, tmp_path: Path) -> None:
    done = fcgen("synth", "--recipe", "tiny", "--rows", "200", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Nothing is written" in done.stdout
    assert "single 160, no_call 40" in done.stdout
    assert json.loads(fcgen("synth", "--recipe", "tiny", "--rows", "200", "--dry-run", "--json").stdout)["rows"] == 200
    assert list(tmp_path.iterdir()) == []
