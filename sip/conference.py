"""pjsua's conference bridge, which a line has and never uses: swept by hand, for nothing else turns its clock.

pjmedia carries out what is asked of the bridge, a call's leaving above all, only when the next frame is taken from it.
Without a sound device nobody takes one, and after 254 answered calls the bridge is full for good (measured with
pjsua2 2.15.1).
"""

import ctypes
from typing import Any

import pjsua2 as pj  # type: ignore[import-untyped]

from parloir.sip.commands import LineError

_SAMPLE = 2


class _Frame(ctypes.Structure):
    """pjmedia_frame (pjmedia/frame.h)."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buf", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("timestamp", ctypes.c_uint64),
        ("bit_info", ctypes.c_uint32),
    )


class Conference:
    """The bridge's main port; `port` is what setNoDev() returned. LineError where the library hides what it takes."""

    def __init__(self, library: ctypes.CDLL, port: Any, media: pj.MediaConfig) -> None:
        get = getattr(library, "pjmedia_port_get_frame", None)
        if get is None:
            raise LineError("this pjsua2 hides pjmedia_port_get_frame, without which a line fails after 254 calls")
        get.argtypes = (ctypes.c_void_p, ctypes.POINTER(_Frame))
        self._get = get
        self._port = int(port)
        samples = media.clockRate * media.audioFramePtime // 1000 * media.channelCount
        self._buffer = ctypes.create_string_buffer(samples * _SAMPLE)

    def sweep(self) -> None:
        """Take one frame, and with it let go of the calls that have left."""
        frame = _Frame(buf=ctypes.addressof(self._buffer), size=len(self._buffer))
        self._get(self._port, ctypes.byref(frame))
