"""The scripts of scripts/: what they measure is what docs/measurements.md says they measure."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


benchmark = script("benchmark")
diversity = script("diversity")


# -- diversity: the measures


def test_a_text_said_twice_is_distinct_once() -> None:
    assert diversity.measure(["hello there", "hello there", "hi", "good morning"]).distinct == 0.75


def test_texts_that_differ_in_numbers_only_are_near_and_distinct() -> None:
    found = diversity.measure(["please refund payment T1001 for me", "please refund payment T2 for me", "where is my money today then"])
    assert found.distinct == 1
    assert found.near == pytest.approx(2 / 3)


def test_similarity_of_exactly_the_threshold_is_not_near() -> None:
    words = [f"word{letter}" for letter in "abcdefghijklmnop"]
    shared = " ".join(words[:9])  # 7 of the 3-grams
    assert diversity.near_share([f"{shared} {words[9]}", f"{shared} {words[10]} {words[11]}"]) == 0  # 7 / (8 + 9 - 7)
    assert diversity.near_share([f"{shared} {words[9]}", f"{shared} {words[10]}"]) == 1  # 7 / (8 + 8 - 7)


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=9), min_size=1, max_size=25))
def test_every_near_pair_is_found(texts: list[list[str]]) -> None:
    sets = [frozenset(tuple(t[i : i + 3]) for i in range(max(1, len(t) - 2))) for t in texts]
    near = [any(i != j and len(a & b) / len(a | b) > 0.7 for j, b in enumerate(sets)) for i, a in enumerate(sets)]
    assert diversity.near_share([" ".join(t) for t in texts]) == sum(near) / len(near)


def test_distinct_2_counts_different_bigrams() -> None:
    assert diversity.distinct_2(["a", "b", "a", "b"]) == pytest.approx(2 / 3)
    assert diversity.distinct_2(["a"]) == 0


def test_all_texts_are_measured_over_the_same_length() -> None:
    found = diversity.measure([f"word{i} and {i * i} more" for i in range(9000)])
    assert (found.tokens, found.bytes) == (8000, 60000)
    short = diversity.measure(["Hello, you!"])
    assert (short.tokens, short.bytes) == (4, 11)


def test_repetition_compresses_and_variety_does_not() -> None:
    same = diversity.measure(["where is my money"] * 500)
    varied = diversity.measure([f"{i * 7919 % 10007:x} {i * 104729 % 999983:x}" for i in range(500)])
    assert same.gzip_ratio < 0.05 < 0.3 < varied.gzip_ratio


def test_percentiles_are_lengths_that_occur() -> None:
    assert diversity.percentiles([3]) == {5: 3, 25: 3, 50: 3, 75: 3, 95: 3}
    assert diversity.percentiles(range(1, 101)) == {5: 5, 25: 25, 50: 50, 75: 75, 95: 95}


def test_seams_mask_numbers_and_keep_words_whole() -> None:
    found = diversity.measure(["I'm charged 42.10 twice", "I'm charged 7 twice", "Hi"], top=1)
    assert found.four_grams == (("i'm charged 0 twice", 2),)
    assert found.openings == (("i'm charged 0", 2),)


def test_the_order_follows_from_the_seed() -> None:
    texts = [f"text {chr(97 + i % 26)} number {i} of {i * i}" for i in range(4000)]
    assert diversity.measure(texts, seed=1) == diversity.measure(texts, seed=1)
    assert diversity.measure(texts, seed=1).gzip_ratio != diversity.measure(texts, seed=2).gzip_ratio


# -- diversity: the command


def corpus(path: Path) -> Path:
    rows = [
        {
            "messages": [
                {"role": "system", "content": "Today is Monday."},
                {"role": "user", "content": f"Where is {what}?"},
                {"role": "assistant", "content": "", "reasoning_content": "They want to know."},
                {"role": "assistant", "content": "On its way."},
                {"role": "user", "content": "Thanks"},
            ],
            "domain": domain,
            "scenario": "single",
            "persona": "terse",
        }
        for what, domain in [("my parcel", "orders"), ("the train", "travel"), ("my refund", "orders")]
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_corpus_is_measured_by_who_speaks(tmp_path: Path) -> None:
    done = CliRunner().invoke(diversity.diversity, [str(corpus(tmp_path / "rows.jsonl")), "--domain", "orders", "--json"])
    assert done.exit_code == 0, done.output
    (measured,) = json.loads(done.stdout)
    assert measured["shares"] == {"scenario": {"single": 1.0}, "persona": {"terse": 1.0}}
    assert {kind: (one["texts"], one["distinct"]) for kind, one in measured["kinds"].items()} == {
        "first": (2, 1.0),
        "answers": (2, 0.5),
        "thoughts": (2, 0.5),
    }
    assert measured["kinds"]["first"]["questions"] == 1


def test_corpora_stand_beside_each_other(tmp_path: Path) -> None:
    one, other = corpus(tmp_path / "one.jsonl"), corpus(tmp_path / "other.jsonl")
    done = CliRunner().invoke(diversity.diversity, [str(one), str(other)])
    assert done.exit_code == 0, done.output
    assert "First user messages" in done.stdout
    assert "where is my" in done.stdout


def test_absent_reference_material_is_skipped_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diversity, "REFERENCE", tmp_path / "nowhere")
    done = CliRunner().invoke(diversity.diversity, [str(corpus(tmp_path / "rows.jsonl")), "--reference", "--json"])
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)) == 1
    assert "BFCL questions: skipped" in done.stderr


@pytest.mark.skipif(not (diversity.REFERENCE / "bfcl").is_dir(), reason="the public material is not beside this checkout")
def test_public_questions_measure_as_published() -> None:
    found = {name: diversity.measure(texts, top=0) for name, texts in diversity.references(diversity.REFERENCE)}
    assert 0.59 <= found["BFCL questions"].distinct_2 <= 0.66
    assert 0.36 <= found["BFCL questions"].gzip_ratio <= 0.40


@pytest.mark.parametrize("arguments", [["nowhere"], ["rows.jsonl", "--domain", "cooking"]])
def test_nothing_to_measure_is_bad_input(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    corpus(tmp_path / "rows.jsonl")
    done = CliRunner().invoke(diversity.diversity, arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")


# -- benchmark


def run(workers: int, cpu: float, wall: float) -> object:
    return benchmark.Run(workers, rows=1000, rejected=50, cost=benchmark.Cost(cpu, wall))


def test_start_up_is_no_cost_of_rows() -> None:
    found = benchmark.compared(benchmark.Cost(1.0, 1.0), [run(1, 2.0, 2.2), run(2, 2.2, 1.1)])
    assert found == {
        "rows_per_cpu_second": 1000,
        "rows_per_cpu_second_with_start_up": 500,
        "cpu_ratio": pytest.approx(1.1),
        "wall_ratio": pytest.approx(2.0),
    }


def test_what_was_not_run_is_not_compared() -> None:
    assert benchmark.compared(benchmark.Cost(1.0, 1.0), [run(4, 2.0, 1.0)]) == {}


def test_a_recipe_that_is_not_there_is_bad_input() -> None:
    done = CliRunner().invoke(benchmark.benchmark, ["--recipe", "paymnts"])
    assert done.exit_code == 2
    assert "did you mean 'payments'?" in done.stderr


PLAN = (str(ROOT / "gen" / "planning" / "planner.py"), 1, "plan")
CHECK = (str(ROOT / "gen" / "checks" / "table.py"), 1, "examine")
READ = (str(ROOT / "gen" / "values" / "read.py"), 1, "read")
MATCH = ("~", 0, "<method 'match' of 're.Pattern' objects>")
MAIN = ("/x/scripts/benchmark.py", 1, "main")

# main → plan → match; main → examine → read → match
STATS = {
    MAIN: (1, 1, 1.0, 16.0, {}),
    PLAN: (1, 1, 2.0, 3.0, {MAIN: (1, 1, 2.0, 3.0)}),
    CHECK: (1, 1, 4.0, 12.0, {MAIN: (1, 1, 4.0, 12.0)}),
    READ: (1, 1, 5.0, 8.0, {CHECK: (1, 1, 5.0, 8.0)}),
    MATCH: (2, 2, 4.0, 4.0, {PLAN: (1, 1, 1.0, 1.0), READ: (1, 1, 3.0, 3.0)}),
}


def test_time_of_libraries_counts_where_they_are_called_from() -> None:
    by_package = benchmark.own_seconds(STATS, benchmark._package)
    assert by_package == pytest.approx({"gen.values": 8.0, "gen.checks": 4.0, "gen.planning": 3.0, "other": 1.0})


def test_time_of_shared_stages_counts_where_they_are_called_from() -> None:
    by_stage = benchmark.own_seconds(STATS, benchmark._stage)
    assert by_stage == pytest.approx({"checks": 12.0, "planning": 3.0, "other": 1.0})


def test_every_named_stage_stands_in_the_package() -> None:
    for name in benchmark.STAGES:
        assert (ROOT / "gen" / name).is_dir() or (ROOT / "gen" / f"{name}.py").is_file(), name


def benchmarked(*options: str) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "scripts" / "benchmark.py"), "--recipe", "payments", "--json", *options]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@pytest.mark.slow
def test_a_run_counts_the_rows_that_were_written_and_what_they_cost() -> None:
    figures = benchmarked("--rows", "300")
    one, two = figures["runs"]
    assert (one["workers"], two["workers"]) == (1, 2)
    assert one["rows"] == two["rows"] == 300
    assert one["rejected"] == two["rejected"]
    assert two["cost"]["cpu"] > figures["start_up"]["cpu"] > 0  # the workers are in it, each with a start-up of its own
    assert {"rows_per_cpu_second", "cpu_ratio", "wall_ratio"} <= figures.keys()


@pytest.mark.slow
def test_a_profile_divides_the_whole_time() -> None:
    figures = benchmarked("--profile", "--rows", "30", "--top", "5")
    assert sum(figures["stages"].values()) == pytest.approx(1)
    assert sum(figures["packages"].values()) == pytest.approx(1)
    assert {"planning", "speaking", "environment", "checks", "deciding", "writing"} <= figures["stages"].keys()
    assert len(figures["functions"]) == 5


# -- gpu_check


def test_a_ratio_that_is_missed_says_so() -> None:
    gpu_check = script("gpu_check")
    assert gpu_check.Figure("speed", 4, "occupancy", 0.84, 0.85).verdict == "MISSED"
    assert gpu_check.Figure("speed", 4, "occupancy", 0.85, 0.85).verdict == "holds"
    assert gpu_check.Figure("speed", 4, "tokens a second", 3.0).verdict == ""


@pytest.mark.slow
def test_the_check_of_a_gpu_runs_without_one() -> None:
    """That every section measures something; how fast is a matter of the machine."""
    command = [sys.executable, str(ROOT / "scripts" / "gpu_check.py"), "--small", "--json"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)["figures"]
    assert {figure["section"] for figure in figures} == {"speed", "constrained", "turns", "teacher", "training"}
    measured = {(figure["section"], figure["name"]): figure["value"] for figure in figures}
    assert all(value > 0 for value in measured.values())
    assert measured["turns", "share of prompts not read again"] > 0.5
    assert {name for section, name in measured if section == "speed"} >= {"occupancy", "times generate", "tokens a second"}
    assert measured["teacher", "loss of the last tenth"] < measured["teacher", "loss of the first tenth"] / 2
    assert measured["teacher", "acceptance"] > 0.1, "it was taught, and little of what it says is right"
    assert measured["teacher", "calls that fit their schema"] == 1
    assert measured["training", "merged model agrees with the adapter"] > 0.9999
    assert {"MFU", "trained tokens a second", "peak memory, GB"} <= {name for section, name in measured if section == "training"}
    outcomes = [value for (section, name), value in measured.items() if section == "teacher" and name.startswith(("acceptance", "refused"))]
    assert sum(outcomes) == pytest.approx(1)


def test_the_operations_of_a_token_are_those_of_the_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the estimate that the target was set with: 2.02 billion weights in the body of Gemma 2 2B, 0.59 billion in its embedding."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    whole_way = script("whole_way")
    shape = whole_way.SHAPES["gemma2-2b"]
    assert whole_way.operations(shape, 0.0, 0.0) == pytest.approx(4 * 2.02e9, rel=0.01)
    assert whole_way.operations(shape, 1.0, 0.0) - whole_way.operations(shape, 0.0, 0.0) == pytest.approx(4 * 0.59e9, rel=0.01)
    assert whole_way.operations(shape, 0.2, 2048.0) == pytest.approx(9.2e9, rel=0.02)


# -- benchmark_training


def test_ratios_are_to_the_faster_of_trls_ways() -> None:
    training = script("benchmark_training")
    mine, slow, fast = (
        training.Measured(name, 100, 60, 3, seconds, peak, 1.0) for name, seconds, peak in (("a", 10, 5), ("b", 60, 9), ("c", 20, 10))
    )
    assert list(training.ratios([mine, slow, fast]).values()) == [2.0, 0.5]


@pytest.mark.slow
def test_all_contenders_learn_from_the_same_tokens() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "benchmark_training.py"), "--small", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)["runs"]
    assert [one["name"] for one in runs] == ["fcgen", "TRL, padded", "TRL, packed"]
    assert len({(one["trained_tokens"], one["steps"]) for one in runs}) == 1
    assert all(one["rate"] > 0 and one["peak_bytes"] > 0 and 0 < one["last_loss"] < 20 for one in runs)


# -- benchmark_teacher


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["engine", "conversations"])
def test_what_asking_a_server_costs_is_measured(mode: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "benchmark_teacher.py"), "--mode", mode, "--json", "--times", "1"]
    command += ["--latency", "0.02", "--concurrency", "4", "--seconds", "1"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    best = json.loads(done.stdout)[0]["best"]
    assert best["requests"] > 10
    assert 0 < best["share"] < 1.1
    assert best["cpu_ms"] > 0


# -- ablation, learning_curve


def small(name: str, *arguments: str) -> str:
    """What a script prints with ``--small``."""
    command = [sys.executable, str(ROOT / "scripts" / f"{name}.py"), "--small", *arguments]
    env = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_an_ablation_scores_every_arm_on_the_same_rows(tmp_path: Path) -> None:
    found = json.loads(small("ablation", "--out", str(tmp_path), "--json"))
    assert list(found) == ["8 rows", "without no_call", "without irrelevant", "without missing_parameter", "4 rows"]
    assert len({rates["call_accuracy"]["of"] for rates in found.values()}) == 1
    for path in (tmp_path / "adapters").glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        arm = path.stem.rpartition("-")[0]
        assert len(rows) == (4 if arm == "4-rows" else 8)
        assert arm.removeprefix("without-") not in {row["scenario"] for row in rows}
    assert json.loads((tmp_path / "results.json").read_text("utf-8")) == found
    assert (tmp_path / "ablation.svg").read_text("utf-8").count("without") >= 3


@pytest.mark.slow
def test_a_learning_curve_stops_when_the_time_is_over_and_goes_on(tmp_path: Path) -> None:
    def steps(printed: str) -> list[int]:
        return [int(line.split("|")[1]) for line in printed.splitlines()[2:]]

    first = steps(small("learning_curve", "--out", str(tmp_path), "--minutes", "0"))
    assert first and not (tmp_path / "adapter" / "training.json").exists()
    again = steps(small("learning_curve", "--out", str(tmp_path)))
    assert again[0] == 0 and again[-1] > first[-1]
    assert (tmp_path / "adapter" / "training.json").is_file()
