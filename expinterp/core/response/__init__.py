"""The camera response: measured from a bracket, or estimated from a pair under a prior."""
