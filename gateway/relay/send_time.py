"""When a browser says it sent a packet: the abs-send-time header extension, read in place."""

from parloir.rtp.packet import ONE_BYTE


def abs_send_time(packet: memoryview, first: int, start: int, wanted: int) -> int:
    """The 24-bit time (6.18 fixed point seconds) under the extension id `wanted`, or -1 if there is none.

    `first` is the packet's first octet, `start` where its payload begins (RFC 8285 section 4.2).
    """
    at = 12 + 4 * (first & 0x0F)
    if not first & 0x10 or packet[at] << 8 | packet[at + 1] != ONE_BYTE:
        return -1
    at += 4
    while at < start:
        number, size = packet[at] >> 4, (packet[at] & 0x0F) + 1
        if number == 0:
            at += 1
        elif number == wanted and size == 3 and at + 4 <= start:
            return packet[at + 1] << 16 | packet[at + 2] << 8 | packet[at + 3]
        elif number == 15:
            return -1
        else:
            at += 1 + size
    return -1
