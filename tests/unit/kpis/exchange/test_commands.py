"""`kpi import` and `kpi export` from outside: exit codes, files, and nothing written that does not pass."""

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cli import export, import_
from cli.errors import ExitCode, KpiError
from kpis.checks import check_packs
from kpis.schema import Dictionary
from tests.unit.kpis.exchange.conftest import INPUTS, ROOT

app = typer.Typer()
app.command(name="import")(import_.command)
app.command(name="export")(export.command)


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    if isinstance(result.exception, KpiError):
        return result.exception.code, str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def import_shop(out: Path, *more: str) -> tuple[int, str]:
    return run("import", INPUTS / "shop_metrics.yml", "--format", "dbt", "--out", out, "--tenant", "acme", "--date", "2026-01-31", *more)


def test_an_import_is_a_pack_that_passes_the_check(tmp_path: Path) -> None:
    code, output = import_shop(tmp_path / "shop")
    assert code == ExitCode.OK
    assert "0 problems" in output
    assert "lost: it reads 'revenue' of an earlier time (offset); a formula reads one period\n" in output
    assert "  metrics[10].type_params.metrics[1].offset_window = '1 month'\n" in output
    assert len(check_packs(tmp_path / "shop", root=ROOT).dictionary.kpis) == 15


def test_strict_fails_on_a_loss_and_writes_nothing(tmp_path: Path) -> None:
    code, output = import_shop(tmp_path / "shop", "--strict")
    assert code == ExitCode.FAILED
    assert "not written" in output
    assert not (tmp_path / "shop").exists()


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    assert import_shop(tmp_path / "shop", "--dry-run")[0] == ExitCode.OK
    assert list(tmp_path.iterdir()) == []


def test_a_pack_that_is_there_is_not_replaced_without_force(tmp_path: Path) -> None:
    import_shop(tmp_path / "shop")
    code, output = import_shop(tmp_path / "shop")
    assert (code, "pass --force" in output) == (ExitCode.USAGE, True)
    assert import_shop(tmp_path / "shop", "--force")[0] == ExitCode.OK


def test_force_does_not_remove_a_folder_that_is_no_pack(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "letter.txt").write_text("dear")
    code, output = import_shop(tmp_path / "shop", "--force")
    assert (code, "letter.txt" in output) == (ExitCode.USAGE, True)
    assert (tmp_path / "shop" / "letter.txt").exists()


def test_json_has_the_fate_of_every_field(tmp_path: Path) -> None:
    report = json.loads(import_shop(tmp_path / "shop", "--json")[1])
    assert (report["ok"], report["written"]) == (True, True)
    assert report["counts"]["lost"] == len([each for each in report["fields"] if each["fate"] == "lost"])
    assert sum(report["counts"][fate] for fate in ("mapped", "carried", "implied", "lost")) == len(report["fields"])


@pytest.mark.parametrize(("out", "message"), [("Shop!", "does not end in a pack id"), ("missing-file", "cannot be read")])
def test_wrong_arguments_are_usage_errors(tmp_path: Path, out: str, message: str) -> None:
    source = INPUTS / "shop_metrics.yml" if out == "Shop!" else tmp_path / "nowhere.yml"
    code, output = run("import", source, "--format", "dbt", "--out", tmp_path / out, "--tenant", "acme")
    assert (code, message in output) == (ExitCode.USAGE, True)


def test_every_problem_is_told_with_file_and_line_and_nothing_is_written(tmp_path: Path) -> None:
    broken = tmp_path / "metrics.yml"
    broken.write_text((INPUTS / "shop_metrics.yml").read_text().replace("agg: median", "agg: mode").replace("type: ratio", "type: x"))
    code, output = run("import", broken, "--format", "dbt", "--out", tmp_path / "shop", "--tenant", "acme")
    assert code == ExitCode.FAILED
    assert "metrics.yml:4: invalid-value" in output
    assert "metrics.yml:141: invalid-value" in output
    assert not (tmp_path / "shop").exists()


def test_a_list_comes_in_by_its_mapping(tmp_path: Path) -> None:
    mapping = INPUTS / "metric_list_mapping.yaml"
    arguments = ("import", INPUTS / "metric_list.csv", "--format", "list", "--tenant", "acme")
    code, output = run(*arguments, "--mapping", mapping, "--out", tmp_path / "hotel")
    assert (code, "0 problems" in output) == (ExitCode.OK, True), output
    assert run(*arguments, "--out", tmp_path / "other")[0] == ExitCode.USAGE


def test_nobody_gets_a_pack_by_default(tmp_path: Path) -> None:
    code, output = run("import", INPUTS / "slos.yaml", "--format", "openslo", "--out", tmp_path / "shop")
    assert (code, "--tenant" in output) == (ExitCode.USAGE, True)


@pytest.mark.parametrize("target", ["csv", "json"])
def test_a_pack_goes_out_and_comes_back_as_it_was(tmp_path: Path, target: str, dictionary: Dictionary) -> None:
    code, output = run("export", "--format", target, "--pack", "skyway", "--out", tmp_path / "out")
    assert code == ExitCode.OK, output
    files = sorted((tmp_path / "out").iterdir())
    code, output = run("import", *files, "--format", target, "--out", tmp_path / "skyway")
    assert code == ExitCode.OK, output
    found = check_packs(tmp_path / "skyway", root=ROOT).dictionary
    assert found.kpis == tuple(kpi for kpi in dictionary.kpis if kpi.pack == "skyway")
    assert [pack.id for pack in found.packs] == ["skyway"]


def test_exported_packs_load_to_the_equal_dictionary(tmp_path: Path, dictionary: Dictionary) -> None:
    assert run("export", "--format", "packs", "--out", tmp_path)[0] == ExitCode.OK
    assert check_packs(tmp_path, root=ROOT).dictionary == dictionary


@pytest.mark.parametrize("target", ["openslo", "dbt"])
def test_an_export_says_what_it_left_out(tmp_path: Path, target: str) -> None:
    code, output = run("export", "--format", target, "--out", tmp_path, "--json")
    report = json.loads(output)
    assert code == ExitCode.OK
    assert sorted(each["path"] for each in report["files"]) == sorted(
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    )
    assert bool(report["left_out"]) == (target == "dbt")


def test_an_unknown_pack_is_named_with_the_nearest(tmp_path: Path) -> None:
    code, output = run("export", "--format", "json", "--pack", "skywai", "--out", tmp_path)
    assert (code, "did you mean 'skyway'?" in output) == (ExitCode.USAGE, True)


def test_the_same_export_twice_is_the_same_bytes(tmp_path: Path) -> None:
    for target in ("openslo", "dbt", "csv", "json", "packs"):
        first, second = tmp_path / "1" / target, tmp_path / "2" / target
        for folder in (first, second):
            run("export", "--format", target, "--out", folder)
        files = [path.relative_to(first) for path in sorted(first.rglob("*")) if path.is_file()]
        assert files
        assert [(first / path).read_bytes() for path in files] == [(second / path).read_bytes() for path in files]
    shutil.rmtree(tmp_path)
