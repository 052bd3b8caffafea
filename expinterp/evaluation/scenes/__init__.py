"""The photographed scenes that an evaluation measures on."""
