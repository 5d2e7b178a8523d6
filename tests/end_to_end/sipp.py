"""Many plain stations at once by sipp: each answers with PCMU and H.264 and sends back every RTP packet."""

import signal
from pathlib import Path

from .ports import free_ports
from .process import Process
from .programs import program

SCENARIO = """\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="station">
  <recv request="INVITE" rrs="true">
    <action>
      <ereg regexp="a=rtpmap:([0-9]+) H264" search_in="body" check_it="true" assign_to="line,type"/>
    </action>
  </recv>
  <Reference variables="line"/>
  <send>
    <![CDATA[
      SIP/2.0 180 Ringing
      [last_Via:]
      [last_From:]
      [last_To:];tag=[pid]s[call_number]
      [last_Call-ID:]
      [last_CSeq:]
      [last_Record-Route:]
      Contact: <sip:station@[local_ip]:[local_port];transport=[transport]>
      Content-Length: 0

    ]]>
  </send>
  <pause milliseconds="200"/>
  <send retrans="500">
    <![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:];tag=[pid]s[call_number]
      [last_Call-ID:]
      [last_CSeq:]
      [last_Record-Route:]
      Contact: <sip:station@[local_ip]:[local_port];transport=[transport]>
      Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=station 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 0
      a=rtpmap:0 PCMU/8000
      m=video [media_port+2] RTP/AVP [$type]
      a=rtpmap:[$type] H264/90000
      a=fmtp:[$type] profile-level-id=42e01f;packetization-mode=1
    ]]>
  </send>
  <recv request="ACK"/>
  <recv request="BYE"/>
  <send>
    <![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

    ]]>
  </send>
</scenario>
"""


class Sipp:
    """One sipp that is any number of stations at one address; it ends by itself after `calls` calls.

    It answers INFO wherever its scenario stands (`-aa`): a BYE may come right behind one, before a scenario's own step
    could answer it.

    `transport` is "udp" or "tcp".
    """

    def __init__(self, home: Path, calls: int, host: str = "127.0.0.1", transport: str = "udp") -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._host = host
        self._transport = transport
        self._port = free_ports(2)
        media = free_ports(4)
        scenario = home / "station.xml"
        scenario.write_text(SCENARIO)
        command = [program("sipp"), "-sf", str(scenario), "-m", str(calls), "-i", host, "-p", str(self._port)]
        command += [
            "-t",
            {"udp": "u1", "tcp": "t1"}[transport],
            "-mi",
            host,
            "-mp",
            str(media),
            "-rtp_echo",
            "-nostdin",
            "-aa",
            "-trace_err",
        ]
        command += ["-error_file", str(home / "errors.log"), "-trace_stat", "-stf", str(home / "stat.csv"), "-fd", "1"]
        self._errors = home / "errors.log"
        self.process = Process(command, home / "sipp.log", cwd=home)

    def address(self, user: str) -> str:
        """A station's address; every user part is another station."""
        return f"sip:{user}@{self._host}:{self._port};transport={self._transport}"

    @property
    def errors(self) -> str:
        """What sipp found wrong with the gateway's messages."""
        return self._errors.read_text() if self._errors.exists() else ""

    def wait(self, timeout: float) -> int:
        """Its exit status after all its calls: 0 if every one went as it should."""
        return self.process.wait(timeout)

    def stop(self) -> None:
        """End it at once."""
        self.process.signal(signal.SIGKILL)
        self.process.stop(1)
