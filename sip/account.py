"""What a pjsua2 account is told so that it signals and does nothing else."""

from typing import Any


def signal_only(config: Any) -> None:
    """Let an AccountConfig carry no media and no keys, run no timers, and leave addresses as they are."""
    config.callConfig.timerUse = 0
    config.mediaConfig.useLoopMedTp = True
    config.mediaConfig.lockCodecEnabled = False
    config.mediaConfig.srtpUse = 0
    config.natConfig.contactRewriteUse = config.natConfig.viaRewriteUse = config.natConfig.sdpNatRewriteUse = 0
    config.natConfig.sipOutboundUse = 0
