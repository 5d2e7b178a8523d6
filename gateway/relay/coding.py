"""The codecs of sound that the relay itself can speak and understand."""

import sys
from dataclasses import dataclass
from typing import Literal

import av

from parloir.relay.errors import BadPrompt


@dataclass(frozen=True)
class Coding:
    """PyAV's names of a codec's encoder and decoder, the rate it samples at, and the RTP ticks of 20 ms."""

    encoder: str
    decoder: str
    rate: int
    step: int
    format: str = "s16"


CODINGS = {
    "PCMU": Coding("pcm_mulaw", "pcm_mulaw", 8000, 160),
    "PCMA": Coding("pcm_alaw", "pcm_alaw", 8000, 160),
    "G722": Coding("g722", "g722", 16000, 160),
    "opus": Coding("libopus", "libopus", 48000, 960),
}

PLAIN = "samples"
SAMPLES = {PLAIN: Coding(f"pcm_s16{sys.byteorder[0]}e", f"pcm_s16{sys.byteorder[0]}e", 16000, 320)}
"""No codec that anybody is sent: the 16-bit samples themselves, at the rate that the mixer adds up."""


def coding(codec: str) -> Coding:
    """The terms of a codec. Raises BadPrompt for one that the relay does not speak."""
    found = CODINGS.get(codec)
    if found is None:
        raise BadPrompt(codec, f"no encoder for {codec}")
    return found


def open_encoder(terms: Coding) -> av.AudioCodecContext:
    """A fresh encoder of one channel."""
    encoder = _open(terms.encoder, "w", terms)
    if terms.encoder == "libopus":
        encoder.options = {"application": "voip", "frame_duration": "20"}
    return encoder


def open_decoder(terms: Coding) -> av.AudioCodecContext:
    """A fresh decoder to one channel."""
    return _open(terms.decoder, "r", terms)


def _open(name: str, mode: Literal["r", "w"], terms: Coding) -> av.AudioCodecContext:
    context = av.CodecContext.create(name, mode)
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.format, context.layout = terms.rate, av.AudioFormat(terms.format), "mono"
    return context
