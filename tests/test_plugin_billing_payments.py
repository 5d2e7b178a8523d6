"""Payments: what a visitor pays in through a provider is in the account once, and is given back once."""

import json
from dataclasses import replace
from typing import Any

import pytest

from parloir.api import Reply, Request
from parloir.plugins.billing.sandbox import SIGNATURE, Sandbox
from parloir.testing import PluginErrors, SampleFacility, Trial, decide, relationship, visitor
from parloir.testing import call as a_call
from parloir.testing_fixtures import clock, facility
from tests.billing_desk import ANN, DOLLAR, RESIDENT, SANDBOX, SECRET, SETTINGS, ask, available, get, policies

from .plugin_facility import answer

__all__ = ["clock", "facility", "policies"]


def paid(policies: Trial, amount: str = "20.00", user: str = "v1") -> dict[str, Any]:
    reply = ask(policies, "POST", "payments", {"amount": amount}, user=user)
    assert reply.status == 201, reply.body
    payment: dict[str, Any] = reply.body
    return payment


def told(facility: SampleFacility, payment: dict[str, Any], **other: Any) -> Request:
    """The sandbox's webhook for a payment, with other facts and still signed."""
    facts = {
        "payment": payment["id"],
        "reference": f"sandbox-{payment['id']}",
        "amount": 20 * DOLLAR,
        "at": int(facility.clock().timestamp()),
    }
    raw = json.dumps(facts | other).encode()
    return Request("", ("webhook",), raw=raw, headers={SIGNATURE: Sandbox({}, SECRET).sign(raw)})


def confirm(policies: Trial, request: Request) -> Reply:
    return policies.request("billing", "POST", "payments/confirm", request)


def test_a_payment_is_in_the_account_once_it_is_confirmed_and_then_once(
    facility: SampleFacility, policies: Trial
) -> None:
    payment = paid(policies)
    assert available(policies, ANN) == "0.00"
    webhook = told(facility, payment)
    for _ in range(3):
        assert confirm(policies, webhook).body == {"id": payment["id"], "state": "confirmed"}
        assert available(policies, ANN) == "20.00"
    [known] = get(policies, "payments")
    assert (known["state"], known["reference"]) == ("confirmed", f"sandbox-{payment['id']}")


def test_what_really_came_is_what_is_deposited(facility: SampleFacility, policies: Trial) -> None:
    confirm(policies, told(facility, paid(policies), amount=19 * DOLLAR))
    assert available(policies, ANN) == "19.00"


@pytest.mark.parametrize("fault", ["body", "signature", "none", "old"])
def test_a_forged_confirmation_deposits_nothing(facility: SampleFacility, policies: Trial, fault: str) -> None:
    payment = paid(policies)
    webhook = told(facility, payment)
    match fault:
        case "body":
            webhook = replace(webhook, raw=webhook.raw.replace(b"20000000", b"90000000"))
        case "signature":
            webhook = replace(webhook, headers={SIGNATURE: "0" * 64})
        case "none":
            webhook = replace(webhook, headers={})
        case "old":
            facility.clock.advance(minutes=6)
    assert confirm(policies, webhook).status == 403
    assert available(policies, ANN) == "0.00"


@pytest.mark.parametrize(
    "other", [{"amount": -1}, {"amount": 1.5}, {"amount": "20"}, {"reference": 7}, {"more": 1}, {"at": None}]
)
def test_a_signed_webhook_of_another_shape_is_refused(
    facility: SampleFacility, policies: Trial, other: dict[str, Any]
) -> None:
    assert confirm(policies, told(facility, paid(policies), **other)).status == 403
    assert available(policies, ANN) == "0.00"


def test_a_payment_confirmed_as_two_is_left_to_people(facility: SampleFacility, policies: Trial) -> None:
    payment = paid(policies)
    confirm(policies, told(facility, payment))
    assert confirm(policies, told(facility, payment, reference="another")).body["code"] == "paid_twice"
    assert available(policies, ANN) == "20.00"
    assert [alert.code for alert in facility.alerts] == ["paid_twice"]


def test_one_name_of_the_providers_is_one_payment(facility: SampleFacility, policies: Trial) -> None:
    first, second = paid(policies), paid(policies)
    confirm(policies, told(facility, first, reference="bank-1"))
    assert confirm(policies, told(facility, second, reference="bank-1")).body["code"] == "paid_twice"
    assert available(policies, ANN) == "20.00"
    assert [alert.code for alert in facility.alerts] == ["paid_twice"]


def test_a_confirmation_cut_off_after_its_deposit_is_finished_when_it_is_told_again(
    facility: SampleFacility, policies: Trial
) -> None:
    payment = paid(policies)
    event = f"payment:sandbox:sandbox-{payment['id']}"
    answer(facility.ledger.deposit(ANN, 20 * DOLLAR, event=event, provider="sandbox", by="v1"))
    assert confirm(policies, told(facility, payment)).body["state"] == "confirmed"
    assert available(policies, ANN) == "20.00"


def test_an_unknown_payment_confirms_nothing(facility: SampleFacility, policies: Trial) -> None:
    assert confirm(policies, told(facility, {"id": "0" * 32})).body["code"] == "no_such_payment"


def test_the_sandboxs_button_pays_for_its_own_payer_alone(policies: Trial) -> None:
    payment = paid(policies)
    assert ask(policies, "POST", "sandbox/pay", {"id": payment["id"]}, user="v2").status == 422
    assert ask(policies, "POST", "sandbox/pay", {"id": payment["id"]}, user="v1").body["state"] == "confirmed"
    assert available(policies, ANN) == "20.00"


def test_there_are_no_routes_for_payments_without_a_provider(facility: SampleFacility) -> None:
    with (
        facility.trial({"billing": {"rates": [{"per_minute": 1}]}}) as policies,
        pytest.raises(ValueError, match="unpack"),
    ):
        ask(policies, "POST", "payments", {"amount": "20.00"})


@pytest.mark.parametrize(
    ("payments", "message"),
    [
        (SANDBOX | {"sandbox": False}, "sandbox: true belongs to the provider sandbox"),
        (SANDBOX | {"provider": "bank", "sandbox": False}, "0 payment providers are named 'bank'"),
        (SANDBOX | {"secret": "short"}, "secret"),
        (SANDBOX | {"least": "50.00", "most": "20.00"}, "leave nothing to pay"),
    ],
)
def test_a_provider_must_be_meant_and_there(payments: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginErrors, match=message):
        decide(a_call(), {"billing": SETTINGS | {"payments": payments}})


@pytest.mark.parametrize("amount", ["4.99", "200.01", "20.005", "0", "-5", 20.5])
def test_a_payment_is_within_its_bounds_and_in_cents(policies: Trial, amount: object) -> None:
    assert ask(policies, "POST", "payments", {"amount": amount}, user="v1").status == 422


def test_a_visitor_pays_into_their_own_account_or_of_a_resident_they_visit(
    facility: SampleFacility, policies: Trial
) -> None:
    facility.records.relate(visitor("v1", relationship()))
    for account, status in ((ANN, 201), (RESIDENT, 201), ("resident:r2", 422), ("visitor:v2", 422), ("facility", 422)):
        reply = ask(policies, "POST", "payments", {"account": account, "amount": "20.00"}, user="v1")
        assert reply.status == status, account


def test_a_payment_is_given_back_once_as_far_as_it_is_not_spent(facility: SampleFacility, policies: Trial) -> None:
    payment = paid(policies)
    order = {"id": payment["id"], "reason": "paid by mistake"}
    assert ask(policies, "POST", "payments/refund", order).body["code"] == "not_paid"
    confirm(policies, told(facility, payment))
    facility.ledger.hold(ANN, "call-1", 1)
    assert ask(policies, "POST", "payments/refund", order).body["code"] == "not_enough"
    facility.ledger.fill(ANN, 1)
    for _ in range(2):
        assert ask(policies, "POST", "payments/refund", order).body["state"] == "refunded"
        assert available(policies, ANN) == "0.00"
