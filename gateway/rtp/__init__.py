"""Media as data: packets, RTCP, codecs, descriptions and what a phone and a browser can agree on."""
