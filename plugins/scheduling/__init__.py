"""When visits and calls may be: slots, hours, counts, lockdown, quotas, conflicts, invitations."""
