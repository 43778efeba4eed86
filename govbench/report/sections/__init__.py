"""The sections of a report, each made by one function of its own. None of them lays anything out."""
