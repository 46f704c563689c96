"""What a user can fix says what is wrong, where, what is allowed and what to do next, and carries its exit code."""

from __future__ import annotations

import errno

import pytest

from gen.errors import AnswerIsNo, BadInput, FcgenError, OutsideFailed, did_you_mean, from_os_error, missing_extra, unknown_name


def test_an_error_reads_place_first_and_then_what_is_allowed_and_what_to_do() -> None:
    error = BadInput("unknown key 'row'", where="recipes/mine.yaml:3", allowed="rows, seed", hint="did you mean 'rows'?")
    assert str(error).splitlines() == [
        "recipes/mine.yaml:3: unknown key 'row'",
        "  allowed: rows, seed",
        "  hint: did you mean 'rows'?",
    ]


def test_an_error_without_a_place_is_its_sentence() -> None:
    assert str(BadInput("nothing to do")) == "nothing to do"


@pytest.mark.parametrize(("kind", "code"), [(FcgenError, 2), (BadInput, 2), (AnswerIsNo, 1), (OutsideFailed, 3)])
def test_every_kind_has_its_exit_code_and_is_caught_as_one(kind: type[FcgenError], code: int) -> None:
    with pytest.raises(FcgenError) as caught:
        raise kind("wrong")
    assert caught.value.exit_code == code


def test_an_unknown_name_lists_what_there_is_and_the_nearest() -> None:
    error = unknown_name("recipe", "payment", ["travel", "payments"], where="x.yaml:1")
    assert error.what == "unknown recipe 'payment'"
    assert error.allowed == "payments, travel"
    assert error.hint == "did you mean 'payments'?"


def test_an_unknown_name_where_there_is_none_says_so() -> None:
    assert unknown_name("recipe", "x", []).allowed == "there is no recipe"


def test_nothing_is_suggested_that_is_not_near() -> None:
    assert did_you_mean("zzz", ["payments"]) == ""


def test_a_missing_extra_names_the_command_that_installs_it() -> None:
    assert missing_extra("torch", "train", "fcgen train").hint == "pip install 'fcgen[train]'"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_failed_outside_and_says_that_the_run_goes_on(number: int) -> None:
    error = from_os_error(OSError(number, "No space left on device"), "/somewhere/corpus", "writing the corpus")
    assert isinstance(error, OutsideFailed)
    assert "/somewhere/corpus" in str(error) and "No space left" in str(error) and "run the same command again" in error.hint


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT, errno.ENOTDIR, errno.EROFS])
def test_an_unusable_path_is_bad_input_and_named(number: int) -> None:
    error = from_os_error(OSError(number, "no way"), "/somewhere", "reading the file")
    assert isinstance(error, BadInput)
    assert str(error) == "/somewhere: reading the file failed: no way"
