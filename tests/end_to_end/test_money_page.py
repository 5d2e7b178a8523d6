"""What the family reads of money, in Chromium: the price before a visit, its cost after, and how to have it back."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.threads import blockingCallFromThread, deferToThread

from parloir.webrtc.signalling import CallCost, Cost, Ended, Meter, Price, PriceStep, Status, TaxPaid, TaxRate

from .browser import Page
from .gateway_process import Gateway
from .raw_phone import RawPhone
from .stage import Stage
from .test_money import BILLING, CENT, Customers, cents_for
from .test_page_chromium import IN_TEN_MINUTES, Scene, scene

__all__ = ["scene"]

ROUTES = "/api/v1/plugins/north/billing"
TAXED = {"billing": BILLING["billing"] | {"taxes": [{"code": "state", "percent": "6.25"}]}}
FREE = {"billing": BILLING["billing"] | {"free": [{"medium": "video"}]}}


def wait_to_read(page: Page, text: str, timeout: float = 30.0) -> str:
    """What the page shows once it shows that."""
    return page.wait_until(lambda: page.text() if text in page.text() else None, text, timeout)


def dollars(micro: int) -> str:
    """Whole cents as the page writes them."""
    assert micro % CENT == 0
    return f"${micro // CENT // 100}.{micro // CENT % 100:02}"


def hold(page: Page, phone: RawPhone) -> None:
    """A visit of a moment, until the visitor hangs up."""
    page.join()
    phone.talk(phone.wait_for("INVITE").body)
    page.wait_for_state("talking")
    page.hang_up()
    page.wait_for_state("ended")


def test_a_priced_visit_shows_its_price_before_its_cost_meanwhile_and_what_the_ledger_charged_after(
    stage: Stage,
) -> None:
    phone, other = stage.raw_phone(), stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address, "pod-a-2": other.address}, plugins=TAXED)
    people = Customers(gateway, kin=500)
    visit = people.visit()
    page = stage.page(visit)
    page.wait_for_state("check")
    before = wait_to_read(page, "This visit costs $0.18 a minute.")
    assert "It may cost $" in before
    assert "at most with taxes, for " in before
    assert "state 6.25 %" in before
    assert "The visitor's account pays. The money in it is enough" in before
    assert people.held() == 0
    page.join()
    phone.talk(phone.wait_for("INVITE").body)
    page.wait_for_state("talking")
    agreed = gateway.event(visit, "hold_placed")["data"]
    assert people.held() == agreed["amount"]
    assert "$0.18 a minute" in page.text()
    wait_to_read(page, "$0.18 a minute. So far: $0.02", 30)
    page.hang_up()
    page.wait_for_state("ended")
    charged = gateway.event(visit, "charged")["data"]
    assert charged["charge"] == cents_for(charged["seconds"]) * CENT > 0
    after = wait_to_read(page, f"This visit cost {dollars(charged['total'])}.")
    assert f"{charged['seconds']} s of talking: {dollars(charged['charge'])}" in after
    assert people.balance() == 500 * CENT - charged["total"]
    _ask_for_a_refund(page, gateway, visit)
    page.close()
    _what_was_given_back(stage, gateway, visit, charged["total"])
    people.verify()
    _what_the_money_reaches_for(stage, people)


def _ask_for_a_refund(page: Page, gateway: Gateway, visit: dict[str, Any]) -> None:
    """On the page, by keys and words; the facility's staff find it."""
    page.press("#refund-open")
    page.fill("#refund-words", "No picture for a while")
    page.press("#refund-send")
    wait_to_read(page, "Your request was sent.")
    [request] = gateway.api("GET", f"{ROUTES}/refund-requests")
    assert (request["call"], request["words"]) == (gateway.call(visit)["id"], "No picture for a while")


def _what_was_given_back(stage: Stage, gateway: Gateway, visit: dict[str, Any], total: int) -> None:
    """Whoever opens the link when the visit is over reads its cost, and that."""
    gateway.api("POST", f"{ROUTES}/refunds", {"call": gateway.call(visit)["id"], "reason": "echo"})
    gateway.api("DELETE", f"/api/v1/visits/{visit['id']}", {"reason": "no more calls"})
    later = stage.page(visit)
    later.wait_for_state("ended")
    text = wait_to_read(later, f"This visit cost {dollars(total)}.")
    assert f"given back: {dollars(total)}" in text


def _what_the_money_reaches_for(stage: Stage, people: Customers) -> None:
    """A visit that it does not reach for says when it ends, or that it cannot be."""
    take_back(people, people.balance() - 6 * CENT)
    page = stage.page(people.visit())
    wait_to_read(page, "The money in it is enough for 23 s.")
    page.close()
    take_back(people, 6 * CENT)
    page = stage.page(people.visit(station="pod-a-2"))
    wait_to_read(page, "There is not enough money in the account for this visit.")
    page.close()


def take_back(people: Customers, amount: int) -> None:
    """The holder takes some of their money back."""
    wanted = {"account": people.account("kin"), "amount": dollars(amount)[1:], "reference": str(amount), "reason": "x"}
    people.gateway.api("POST", f"{ROUTES}/withdrawals", wanted)


def test_a_free_visit_says_that_it_is_free_and_counsels_that_it_is_confidential(stage: Stage) -> None:
    phone, other = stage.raw_phone(), stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address, "pod-a-2": other.address}, plugins=FREE)
    people = Customers(gateway, kin=500)
    page = stage.page(people.visit())
    page.wait_for_state("check")
    wait_to_read(page, "This visit is free.")
    hold(page, phone)
    assert "refund" not in wait_to_read(page, "Nothing was charged for this visit.")
    page.close()
    page = stage.page(people.visit("counsel", station="pod-a-2"), language="es-MX")
    wait_to_read(page, "Esta visita es gratuita y confidencial. No se graba ni se supervisa.")
    hold(page, other)
    wait_to_read(page, "No se cobró nada por esta visita.")
    assert people.balance() == 500 * CENT


PRICE = Price(
    state="agreed",
    payer="visitor",
    steps=(PriceStep(from_second=0, per_minute=0), PriceStep(from_second=900, per_minute=123_450)),
    taxes=(TaxRate(code="state", ppm=62_500), TaxRate(code="a_long_name_of_a_universal_service_fund", ppm=1)),
    most=123_456_780_000,
    seconds=1205,
    sooner=True,
)


def cost(*totals: int, **more: Any) -> Cost:
    began = datetime(2026, 3, 1, 12, tzinfo=UTC)
    taxes = (TaxPaid(code="state", amount=CENT),)
    calls = [
        CallCost(call=f"call{n}", began=began, seconds=61, charge=total - CENT, taxes=taxes, total=total)
        for n, total in enumerate(totals)
    ]
    return Cost(calls=tuple(calls), refunds="plugins/north/billing/refund-requests", **more)


@ensureDeferred
async def test_money_fits_the_narrowest_screen(scene: Scene) -> None:
    await deferToThread(_narrow, scene)


def _narrow(scene: Scene) -> None:
    page = scene.open(width=320, height=568)
    page.wait_for_state("check")
    scene.tell(PRICE.model_copy(update={"state": "expected"}))
    text = wait_to_read(page, "This visit costs nothing; after 15 min: $0.12345 a minute.")
    assert "It may cost $123456.78 at most with taxes, for 20 min 5 s." in text
    assert "The money in it is enough for 20 min 5 s." in text
    _fits(page, "#price, #join")
    page.press("#join")
    page.wait_until(lambda: page.stats().get("pair"), "connection")
    scene.tell(PRICE, Status(state="ringing"))
    page.wait_for_state("ringing")
    assert "$0.12345 a minute" in page.text()
    _fits(page, "#price, #go-back")
    scene.tell(Status(state="talking", ends=datetime.now(UTC) + IN_TEN_MINUTES))
    page.wait_for_state("talking")
    assert "$0.12345 a minute" in page.text()
    scene.tell(Meter(total=123_450_000, left=30.0, runs=False))
    wait_to_read(page, "$0.12345 a minute. So far: $123.45")
    wait_to_read(page, "0:30 left")
    _fits(page, "#fare, #left, #hang-up")
    scene.tell(Meter(total=123_460_000, left=30.0, runs=True))
    wait_to_read(page, "0:29 left")
    assert "So far: $123.46" in page.text()
    scene.tell(Ended(reason="PhoneHungUp", text="", again=True))
    wait_to_read(page, "The cost is being worked out")
    scene.tell(cost(120 * CENT, 30 * CENT))
    text = wait_to_read(page, "This visit cost $1.50.")
    assert "1 min 1 s of talking: $0.29; tax (state): $0.01" in text
    page.press("#refund-open")
    page.fill("#refund-words", "x" * 200)
    _fits(page, "#receipt, #refund-send, #refund-call, #again")
    assert page.evaluate("document.activeElement.id") == "refund-words"
    page.press("#refund-send")
    wait_to_read(page, "could not be sent")


def _fits(page: Page, wanted: str) -> None:
    """Whether what is named is within the screen's width, and nothing makes the page wider."""
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    outside = f"""[...document.querySelectorAll('{wanted}')].filter((e) => {{
        const box = e.getBoundingClientRect();
        return !box.width || box.left < 0 || box.right > innerWidth;
    }}).map((e) => e.id)"""
    assert page.evaluate(outside) == []


@ensureDeferred
async def test_whoever_is_called_reads_the_price_before_taking_the_call(scene: Scene) -> None:
    await deferToThread(_called, scene)


def _called(scene: Scene) -> None:
    page = scene.open(width=320, height=568)
    page.wait_for_state("check")
    page.press("#join")
    page.wait_until(lambda: page.stats().get("pair"), "connection")
    scene.tell(PRICE, Status(state="called", text="Resident One calls.", terms="This call is recorded."))
    page.wait_for_state("called")
    assert "after 15 min: $0.12345 a minute." in page.text()
    _fits(page, "#price, #accept, #decline")
    scene.tell(PRICE.model_copy(update={"state": "expected"}), Status(state="waiting", why="dial"), cost(20 * CENT))
    page.wait_for_state("waiting")
    assert "It is settled when the call begins." in page.text()


@ensureDeferred
async def test_amounts_are_written_to_the_last_digit(scene: Scene) -> None:
    await deferToThread(_amounts, scene)


def _amounts(scene: Scene) -> None:
    page = scene.open()
    written = {
        0: "$0.00",
        1: "$0.000001",
        10_000: "$0.01",
        180_000: "$0.18",
        123_450: "$0.12345",
        1_000_000: "$1.00",
        8_999_999_999_999_999: "$8999999999.999999",
        9_007_199_254_740_991: "$9007199254.740991",
    }
    found = page.evaluate(f"import('../static/money.js').then((m) => {list(written)}.map((each) => m.dollars(each)))")
    assert found == list(written.values())


@ensureDeferred
async def test_the_cost_of_a_call_that_ended_while_the_line_was_away_is_told(scene: Scene) -> None:
    await deferToThread(_lost, scene)


def _lost(scene: Scene) -> None:
    page = scene.open()
    page.wait_for_state("check")
    page.press("#join")
    page.wait_until(lambda: page.stats().get("pair"), "connection")
    scene.tell(PRICE, Status(state="talking"))
    page.wait_for_state("talking")
    scene.desk.on_enter = lambda room: room.page.send(cost(40 * CENT))
    _drop(scene)
    page.wait_for_state("ended")
    wait_to_read(page, "This visit cost $0.40.")


def _drop(scene: Scene) -> None:
    rooms = len(scene.desk.rooms)
    blockingCallFromThread(reactor, scene.desk.rooms[-1].page.close, "gone")
    scene.until(partial(_more, scene, rooms), "second WebSocket")


def _more(scene: Scene, rooms: int) -> bool:
    return len(scene.desk.rooms) > rooms


@ensureDeferred
async def test_a_visit_that_ends_for_good_tells_its_cost_before_the_page_lets_go(scene: Scene) -> None:
    await deferToThread(_for_good, scene)


def _for_good(scene: Scene) -> None:
    page = scene.open()
    page.wait_for_state("check")
    page.press("#join")
    page.wait_until(lambda: page.stats().get("pair"), "connection")
    scene.tell(PRICE, Status(state="talking"))
    page.wait_for_state("talking")
    room = scene.desk.rooms[-1]
    scene.tell(Ended(reason="LimitReached", text=""))
    page.wait_for_state("ended")
    scene.tell(cost(settling=True))
    wait_to_read(page, "You read it here as soon as it is known")
    scene.tell(cost(40 * CENT))
    wait_to_read(page, "This visit cost $0.40.")
    scene.until(lambda: room.gone, "the page's goodbye")
    assert "The time of this visit is over." in page.text()
