"""The relay process: sockets, the switch, browser transports and prompts."""
