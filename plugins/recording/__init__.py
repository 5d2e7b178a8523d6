"""Recording: which calls, for how long they are kept, and who may play them."""
