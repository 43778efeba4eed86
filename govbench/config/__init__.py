"""Settings: defaults, file, environment and flags merged once; target forms; profiles."""
