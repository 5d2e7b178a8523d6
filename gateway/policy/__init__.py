"""Each facility's policies: plugins asked in isolation, and their answers combined by fixed rules."""
