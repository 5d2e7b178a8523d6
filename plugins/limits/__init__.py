"""How long calls last, and how many minutes and calls a resident has in a day, a week and a month."""
