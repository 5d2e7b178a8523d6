"""Money paid in, given back and taken out by the billing plugin, and what its statements and reports say of it."""

import csv
import io

from pydantic import JsonValue

from parloir.api import CallClass, Holder
from parloir.testing import SampleFacility, Trial, local
from parloir.testing_fixtures import clock, facility
from tests.billing_desk import (
    ANN,
    DOLLAR,
    RESIDENT,
    SETTINGS,
    ask,
    available,
    carried,
    charged,
    get,
    policies,
)

__all__ = ["clock", "facility", "policies"]


def test_money_is_paid_in_at_a_counter_once_for_each_receipt(facility: SampleFacility, policies: Trial) -> None:
    facility.ledger.know(Holder.RESIDENT, "1001", "r1")
    slip = {"holder": "resident", "number": "1001", "amount": "12.50", "reference": "receipt-7"}
    first, again = (ask(policies, "POST", "deposits", slip) for _ in range(2))
    assert (first.status, again.status, again.body["available"]) == (201, 200, "12.50")
    other = ask(policies, "POST", "deposits", slip | {"amount": "99.00"})
    assert (other.status, other.body["code"]) == (422, "event_used")
    assert ask(policies, "POST", "deposits", slip | {"number": "9"}).body["code"] == "nobody"


def test_a_holder_takes_back_what_is_available_and_no_more(facility: SampleFacility, policies: Trial) -> None:
    facility.ledger.fill(RESIDENT, 5 * DOLLAR)
    facility.ledger.hold(RESIDENT, "call-1", 2 * DOLLAR)
    slip = {"account": RESIDENT, "amount": "3.01", "reference": "check-1", "reason": "released"}
    assert ask(policies, "POST", "withdrawals", slip).body["code"] == "not_enough"
    assert ask(policies, "POST", "withdrawals", slip | {"amount": "3.00"}).body["available"] == "0.00"


def test_a_call_is_refunded_once_and_never_more_than_it_cost(facility: SampleFacility, policies: Trial) -> None:
    facility.ledger.fill(RESIDENT, DOLLAR)
    charged(facility, policies)
    order = {"call": "call-1", "reason": "could not hear"}
    assert ask(policies, "POST", "refunds", order | {"amount": "0.64"}).body["code"] == "over_charge"
    assert ask(policies, "POST", "refunds", order | {"amount": "0.13"}).body["refunded"] == "0.13"
    assert ask(policies, "POST", "refunds", order).body["refunded"] == "0.50"
    assert ask(policies, "POST", "refunds", order).body["code"] == "over_charge"
    assert available(policies) == "1.00"
    assert ask(policies, "POST", "refunds", order | {"call": "call-9"}).body["code"] == "not_charged"


def test_a_visitors_request_is_kept_until_staff_answer(facility: SampleFacility, policies: Trial) -> None:
    facility.ledger.fill(RESIDENT, DOLLAR)
    charged(facility, policies)
    asked = ask(policies, "POST", "refund-requests", {"call": "call-1", "words": "  No picture. "}, user="v1")
    again = ask(policies, "POST", "refund-requests", {"words": "Again"}, user="v1")
    assert (asked.status, asked.body["words"]) == (201, "No picture.")
    assert again.body["id"] == asked.body["id"]
    assert [each["call"] for each in get(policies, "refund-requests")] == ["call-1"]
    assert get(policies, "refund-requests", user="v2") == []
    ask(policies, "POST", "refunds", {"call": "call-1", "reason": "camera fault"})
    [mine] = get(policies, "refund-requests", user="v1")
    assert (mine["state"], mine["answer"]) == ("granted", "camera fault")
    assert get(policies, "refund-requests") == []


def test_a_request_is_declined_with_an_answer(facility: SampleFacility, policies: Trial) -> None:
    charged(facility, policies)
    made = ask(policies, "POST", "refund-requests", {"words": "Too short"}, user="v1").body
    answer = {"id": made["id"], "answer": "The call lasted ten minutes."}
    assert ask(policies, "POST", "refund-requests/decline", answer).status == 200
    assert ask(policies, "POST", "refund-requests/decline", answer).status == 404
    assert get(policies, "refund-requests", user="v1")[0]["state"] == "declined"


def test_nobody_asks_for_money_for_somebody_elses_call(facility: SampleFacility, policies: Trial) -> None:
    charged(facility, policies)
    body = {"call": "call-1", "words": "Mine"}
    assert ask(policies, "POST", "refund-requests", body, user="v2").body["code"] == "no_such_call"


def test_a_statement_goes_from_one_balance_to_the_next(facility: SampleFacility, policies: Trial) -> None:
    facility.ledger.know(Holder.RESIDENT, "1001", "r1", "Resident One")
    facility.ledger.fill(RESIDENT, 5 * DOLLAR)
    facility.clock.advance(days=30)
    facility.ledger.hold(RESIDENT, "call-1", 2 * DOLLAR)
    charged(facility, policies, video=True)
    ask(policies, "POST", "refunds", {"call": "call-1", "amount": "0.10", "reason": "no sound"})
    facility.ledger.hold(RESIDENT, "call-2", DOLLAR)
    found = get(policies, "statement", account=RESIDENT, month="2026-04")
    assert (found["opening"], found["closing"]) == ("5.00", "4.47")
    assert [(line["kind"], line["amount"], line["balance"]) for line in found["lines"]] == [
        ("charge", "-0.63", "4.37"),
        ("refund", "0.10", "4.47"),
    ]
    assert (found["lines"][0]["seconds"], found["lines"][0]["taxes"]) == (600, {"state": "0.03"})
    march = get(policies, "statement", account=RESIDENT, month="2026-03")
    assert (march["opening"], march["closing"]) == ("0.00", "5.00")


def test_a_statement_is_text_a_table_and_a_page_in_two_languages(facility: SampleFacility, policies: Trial) -> None:
    facility.ledger.know(Holder.RESIDENT, "1001", "r1", "<b>Resident</b>")
    facility.ledger.fill(RESIDENT, 1234 * DOLLAR)
    charged(facility, policies)
    slip = {"account": RESIDENT, "amount": "1.00", "reference": "x", "note": "=cmd|'/c calc'!A0 <script>"}
    ask(policies, "POST", "deposits", slip)

    def formed(form: str, language: str = "en") -> str:
        query = {"account": RESIDENT, "format": form, "language": language}
        reply = ask(policies, "GET", "statement", query=query)
        assert reply.media == {"text": "text/plain", "csv": "text/csv", "html": "text/html"}[form]
        return str(reply.body)

    assert "Balance after" in formed("text")
    assert "1,234.37" in formed("text")
    assert "Saldo final" in formed("text", "es-MX")
    page = formed("html", "es")
    assert '<html lang="es">' in page
    assert "width=device-width" in page
    assert "Llamada, 10:00 min, voz" in page
    assert "<b>" not in page
    assert "<script>" not in page
    rows = list(csv.DictReader(io.StringIO(formed("csv"))))
    assert [row["kind"] for row in rows] == ["opening", "deposit", "charge", "deposit"]
    assert (rows[2]["amount"], rows[2]["taxes"], rows[-1]["balance"]) == ("-0.63", "0.03", "1234.37")
    assert rows[-1]["reason"].startswith("'=")
    assert ask(policies, "GET", "statement", query={"account": RESIDENT, "format": "pdf"}).status == 422
    assert ask(policies, "GET", "statement", query={"account": RESIDENT, "month": "2026-13"}).status == 422


def test_a_visitor_sees_their_own_account_only(facility: SampleFacility, policies: Trial) -> None:
    facility.ledger.fill(ANN, DOLLAR)
    assert get(policies, "balance", user="v1")["available"] == "1.00"
    assert get(policies, "statement", user="v1")["account"] == ANN
    query = {"account": RESIDENT}
    assert ask(policies, "GET", "statement", user="v1", query=query).body["code"] == "not_yours"
    assert ask(policies, "GET", "balance", user="v1", query=query).body["code"] == "not_yours"


def test_the_report_adds_up(facility: SampleFacility, policies: Trial) -> None:
    facility.ledger.fill(RESIDENT, 10 * DOLLAR)
    charged(facility, policies)
    charged(facility, policies, "call-2", cents=160, tax=0, video=True, talked=601)
    ask(policies, "POST", "refunds", {"call": "call-2", "amount": "1.00", "reason": "frozen picture"})
    carried(facility, policies, "call-3", talked=60)
    carried(facility, policies, "call-4", talked=900, call_class=CallClass.PRIVILEGED)
    carried(facility, policies, "call-5", talked=0)
    found = get(policies, "report", month="2026-03")
    assert (found["charged"], found["taxes"], found["refunded"]) == ("2.20", {"state": "0.03"}, "1.00")
    assert found["kept"] == "1.23"
    assert found["media"]["audio"] == {"calls": 2, "seconds": 660, "paid_calls": 1, "paid_seconds": 600}
    assert found["media"]["video"] == {"calls": 1, "seconds": 601, "paid_calls": 1, "paid_seconds": 601}
    assert found["privileged"] == {"calls": 1, "seconds": 900}
    assert found["balances"]["resident"] == "8.77"


def test_what_a_visit_cost_to_carry_stands_beside_its_charge(facility: SampleFacility) -> None:
    prices = {"cpu_hour": "0.05", "gigabyte": "0.09"}
    with facility.trial({"billing": SETTINGS | {"prices": prices}}) as policies:
        facility.ledger.fill(RESIDENT, DOLLAR)
        stream: JsonValue = {"kind": "audio", "bytes_received": 500_000_000, "bytes_sent": 500_000_001}
        for _ in range(2):
            policies.tell(facility.call(talked=600), "report", phone=[stream], browser=[stream], cpu=36_000)
        charged(facility, policies)
        policies.tell(facility.call(id="call-2", talked=1), "report", phone=[{"bytes_sent": "many"}], browser="none")
        policies.tell(facility.call(id="call-3"), "ended")
        found = get(policies, "costs", month="2026-03")
        first, second = sorted(found["calls"], key=lambda each: str(each["call"]))
    assert (found["count"], found["compute"], found["bandwidth"], found["charged"]) == (2, "0.0005", "0.180001", "0.60")
    assert (first["bytes"], first["bandwidth"], first["compute"]) == (2_000_000_002, "0.180001", "0.0005")
    assert (first["charged"], first["seconds"]) == ("0.60", 600)
    assert (second["bytes"], second["compute"], second["charged"]) == (0, None, "0.00")


def test_money_that_nobody_moves_is_reported_before_and_when_it_is_due(
    facility: SampleFacility, policies: Trial
) -> None:
    facility.ledger.fill(RESIDENT, DOLLAR)
    facility.ledger.fill("facility", DOLLAR)
    facility.ledger.fill(ANN, DOLLAR)
    facility.clock.advance(days=149)
    assert get(policies, "idle") == []
    facility.clock.advance(days=1)
    assert [(each["account"], each["days"], each["refund_due"]) for each in get(policies, "idle")] == [
        (RESIDENT, 150, False),
        (ANN, 150, False),
    ]
    facility.ledger.fill(ANN, 1)
    facility.clock.advance(days=30)
    assert [(each["account"], each["refund_due"]) for each in get(policies, "idle")] == [(RESIDENT, True)]
    for _ in range(2):
        policies.run_task("billing", "idle")
    assert [alert.code for alert in facility.alerts] == ["idle_funds"]


def test_what_calls_used_is_forgotten_after_years(facility: SampleFacility, policies: Trial) -> None:
    policies.tell(facility.call(talked=600), "report", phone=[], browser=[])
    facility.clock.advance(days=801)
    policies.run_task("billing", "forget")
    assert get(policies, "costs", month="2026-03")["calls"] == []


def test_a_call_is_charged_in_the_month_of_its_settlement(facility: SampleFacility, policies: Trial) -> None:
    facility.ledger.fill(RESIDENT, DOLLAR)
    facility.clock.set(local("2026-03-31 23:55"))
    facility.ledger.hold(RESIDENT, "call-1", DOLLAR)
    carried(facility, policies, "call-1", talked=300)
    facility.clock.advance(minutes=10)
    charged(facility, policies)
    [line] = get(policies, "statement", account=RESIDENT, month="2026-04")["lines"]
    assert (line["kind"], line["seconds"], line["medium"]) == ("charge", 600, "audio")
    assert get(policies, "statement", account=RESIDENT, month="2026-03")["closing"] == "1.00"


def test_after_a_crash_the_last_report_that_came_is_known(facility: SampleFacility, policies: Trial) -> None:
    stream: JsonValue = [{"kind": "audio", "bytes_sent": 1000}]
    policies.tell(facility.call(talked=10), "quality", phone=stream, browser=stream, cpu=5)
    policies.tell(facility.call(talked=20), "quality", phone=stream, browser=stream, cpu=9)
    policies.tell(facility.call(talked=10), "quality", phone=stream, browser=stream, cpu=5)
    [known] = get(policies, "costs", month="2026-03")["calls"]
    assert (known["seconds"], known["bytes"], known["cpu_milliseconds"]) == (20, 2000, 9)


def test_accounts_are_found_by_name_or_number_and_listed_with_a_bound(
    facility: SampleFacility, policies: Trial
) -> None:
    facility.ledger.know(Holder.RESIDENT, "1001", "r1", "Resident One")
    facility.ledger.fill(RESIDENT, DOLLAR)
    for number in range(501):
        facility.ledger.fill(f"visitor:n{number}", 1)
    found = get(policies, "accounts")
    assert (found["count"], len(found["accounts"])) == (502, 500)
    assert [each["account"] for each in get(policies, "accounts", find="resident ONE")["accounts"]] == [RESIDENT]
    assert get(policies, "accounts", find="1001")["count"] == 1
