"""Bring the system under test up, know when it is ready, ask it one question, take it down."""
