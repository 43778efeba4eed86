"""The command line: options to settings, settings to a pipeline, its answer printed, its exit code given."""
