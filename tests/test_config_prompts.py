"""The spoken prompts that are shipped."""

import wave

import pytest

from parloir.config import prompts


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("name", [*prompts.NAMES, *prompts.WARNINGS, *prompts.MENU])
def test_a_prompt_is_heard_as_well_as_read(name: str, language: str) -> None:
    assert prompts.text(name, language)
    with wave.open(str(prompts.path(name, language))) as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (16_000, 2, 1)
        seconds = sound.getnframes() / sound.getframerate()
        samples = memoryview(sound.readframes(sound.getnframes())).cast("h")
    assert 1 < seconds < 8
    assert 4_000 < max(samples) < 32_767


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_word_is_short_and_can_be_heard(language: str) -> None:
    for name in prompts.WORDS:
        with wave.open(str(prompts.path(name, language))) as sound:
            assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (16_000, 2, 1)
            assert 0.2 < sound.getnframes() / sound.getframerate() < 1.6, name
            assert max(memoryview(sound.readframes(sound.getnframes())).cast("h")) > 4_000, name


def test_the_tone_is_short() -> None:
    with wave.open(str(prompts.path(prompts.TONE, "es"))) as sound:
        assert sound.getnframes() / sound.getframerate() == 0.2


def test_the_notice_is_another_text_in_each_language() -> None:
    assert prompts.languages() == {"en", "es"}
    assert prompts.text(prompts.NOTICE, "en") != prompts.text(prompts.NOTICE, "es")


@pytest.mark.parametrize(("name", "language"), [("notice", "fr"), ("nothing", "en"), ("../notice", "en")])
def test_an_unknown_prompt_is_named(name: str, language: str) -> None:
    with pytest.raises(prompts.UnknownPrompt) as raised:
        prompts.path(name, language)
    assert (raised.value.name, raised.value.language) == (name, language)
