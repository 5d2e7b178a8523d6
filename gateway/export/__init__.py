"""What is made of a recording's journal, in a process of its own: files to play, and bundles that prove themselves."""
