"""A handset without a picture, and a visitor without a camera's picture, have a visit by sound."""

from .stage import BROWSER_TONE, Stage


def test_handset_without_video_has_a_visit_by_sound(stage: Stage) -> None:
    handset = stage.baresip(tone=2400, video=False)
    gateway = stage.gateway({"pod-a-1": handset.address})
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(2400)
    handset.wait_to_hear(BROWSER_TONE)
    assert "this is a visit by sound" in page.text()
    assert all(sample.colour is None for sample in page.samples())


def test_visitor_without_a_camera_has_a_visit_by_sound(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address})
    visitor = stage.visitor(gateway.add_visit())
    visitor.join(video=False)
    _, answer = visitor.wait_for("answer")
    assert not answer["video"]
    assert "visit by sound" in answer["why_no_video"]
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    visitor.wait_for_packets("audio", 50)
    phone.wait_for_packets("audio", 50)
    assert not visitor.received["video"]
