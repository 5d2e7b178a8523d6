"""Who pays for a call and what it costs; money paid in, given back and taken out; statements and reports."""
