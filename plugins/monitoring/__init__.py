"""Monitoring: which calls may be listened to, by whom, who must be, and whose calls staff are told of."""
