"""The order of the steps of each command; the only place that passes values from one to the next."""
