"""OpenSLO comes in as KPIs where it is SQL, as signals where it is not; everything else of it is named."""

from typing import Any

import pytest

from kpis.artifact import Surroundings
from kpis.exchange.draft import Imported, check_artifacts
from kpis.exchange.ledger import HIDDEN, Fate, losses
from kpis.exchange.openslo import render_all, render_kpi
from kpis.exchange.openslo_import import import_openslo
from kpis.exchange.trees import Document, leaves, path_text, read_documents
from kpis.schema import Dictionary, Kpi
from tests.unit.kpis.exchange.conftest import INPUTS, OPTIONS, ROOT, changed, others, pack_text, report_text


def documents() -> list[Document]:
    found, problems = read_documents("slos.yaml", (INPUTS / "slos.yaml").read_bytes())
    assert problems == []
    return found


@pytest.fixture(scope="module")
def shop() -> Imported:
    return import_openslo(documents(), OPTIONS)


def kpi(result: Imported, kpi_id: str) -> Kpi:
    return next(each for each in result.dictionary.kpis if each.id == kpi_id)


def reasons(result: Imported) -> dict[tuple[int, str], tuple[str, Any]]:
    return {(entry.document, entry.path): (entry.note, entry.value) for entry in losses(result.ledger.entries())}


def test_the_pack_passes_the_check_of_the_dictionary(shop: Imported) -> None:
    assert shop.problems == ()
    assert check_artifacts(shop.artifacts(), ROOT) == ()


def test_every_leaf_is_accounted_for(shop: Imported) -> None:
    expected = [(document.number, path_text(path)) for document in documents() for path, _ in leaves(document.value)]
    assert [(entry.document, entry.path) for entry in shop.ledger.entries()] == expected


def test_a_ratio_over_sql_is_two_primaries_and_a_secondary(shop: Imported) -> None:
    ratio = kpi(shop, "SHOP-PAID-ORDERS")
    assert ratio.expression.formula == "good / NULLIF(total, 0)"  # type: ignore[union-attr]
    assert (ratio.verdict.adequate, ratio.verdict.low) == (0.98, 0.95)
    assert [ref.kpi for ref in ratio.kpi_sources] == ["SHOP-PAID-ORDERS-GOOD", "SHOP-PAID-ORDERS-TOTAL"]
    good = kpi(shop, "SHOP-PAID-ORDERS-GOOD").expression.sql  # type: ignore[union-attr]
    assert good.startswith("SELECT 'ALL' AS entity, COUNT(*) AS value, COUNT(*) AS rows_processed FROM payments WHERE")


def test_a_threshold_is_a_band(shop: Imported) -> None:
    found = kpi(shop, "SHOP-SLOWEST-PAYMENT")
    assert (found.verdict.direction, found.verdict.adequate, found.verdict.low) == ("lower_is_better", 30, 30)


def test_policies_become_routes_and_what_has_no_channel_is_reported(shop: Imported) -> None:
    (route,) = kpi(shop, "SHOP-PAID-ORDERS").alerts
    assert (route.channel, route.target, route.severity) == ("slack", "payments-room", "critical")
    found = reasons(shop)
    assert "no channel of ours" in found[8, "spec.target"][0]
    assert "burn rates" in found[6, "spec.conditions[0].spec.condition.threshold"][0]


def test_a_query_of_prometheus_becomes_a_signal_and_its_objective_is_reported(shop: Imported) -> None:
    (signal,) = shop.dictionary.signals
    assert signal.id == "page-availability"
    assert 'avg(up{job="page"})' in signal.description
    note, value = reasons(shop)[5, "spec.objectives[0].target"]
    assert value == 0.999
    assert note.startswith("a signal has no objective")


def test_a_report_does_not_print_a_secret(shop: Imported) -> None:
    assert reasons(shop)[1, "spec.connectionDetails.secretAccessKey"][1] == HIDDEN
    assert "do-not-print-me" not in report_text(shop) + pack_text(shop)


def test_no_leaf_can_change_without_a_change_in_the_pack_or_the_report(shop: Imported) -> None:
    fates = {(entry.document, entry.path): entry.fate for entry in shop.ledger.entries()}
    whole, silent = documents(), []
    for number, document in enumerate(whole):
        for path, value in leaves(document.value):
            if "connectionDetails" in path:
                continue
            for other in others(value):
                result = import_openslo([*whole[:number], changed(document, path, other), *whole[number + 1 :]], OPTIONS)
                in_pack = pack_text(result) != pack_text(shop)
                shown = in_pack or report_text(result) != report_text(shop)
                claimed = fates[number, path_text(path)] >= Fate.CARRIED
                if not result.problems and not (in_pack if claimed else shown):
                    silent.append((number, path_text(path), other))
    assert silent == []


def test_our_own_export_comes_back_accounted_for(dictionary: Dictionary) -> None:
    around = Surroundings(dictionary)
    artifacts = [*render_all(around), *(artifact for kpi in dictionary.kpis for artifact in render_kpi(kpi, around))]
    found = [document for artifact in artifacts for document in read_documents(artifact.path, artifact.content)[0]]
    result = import_openslo(found, OPTIONS)
    assert result.problems == ()
    assert {signal.id for signal in result.dictionary.signals} == {kpi.id.lower() for kpi in dictionary.kpis}
    for signal in result.dictionary.signals:
        assert f'kpi_sla_ok{{kpi_id="{signal.id.upper()}"' in signal.description


def test_an_unknown_field_is_an_error_with_its_place() -> None:
    found = documents()
    found[2].value["spec"]["owner"] = "me"
    assert "Extra inputs are not permitted" in str(import_openslo(found, OPTIONS).problems[0])
    assert import_openslo(found, OPTIONS).problems[0].file == "slos.yaml"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("DROP TABLE payments", "not a SELECT"),
        ("SELECT pg_read_file('x') FROM payments WHERE tried_at >= :period_start", "pg_read_file"),
        ("SELECT COUNT(*) FROM payments WHERE tried_at BETWEEN :date_from AND :date_to", "parameter :date_from is not known"),
        ("SELECT COUNT(*) FROM payments", "neither :period_start nor :period_end"),
        ("SELECT amount FROM payments WHERE tried_at >= :period_start", "one aggregate"),
        ("SELECT COUNT(*) FROM a JOIN b ON a.x = b.x WHERE a.t >= :period_start", "over one table"),
    ],
)
def test_a_query_that_is_none_of_a_kpi_is_not_bent_into_one(query: str, reason: str) -> None:
    found = documents()
    found[4].value["spec"]["thresholdMetric"]["metricSource"]["spec"]["query"] = query
    result = import_openslo(found, OPTIONS)
    assert "slowest-payment" in [signal.id for signal in result.dictionary.signals]
    assert reason in reasons(result)[3, "spec.objectives[0].value"][0]
