"""The policies that come with Parloir, written on the API vendors use."""
