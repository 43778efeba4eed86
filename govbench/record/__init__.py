"""What was measured: samples read back, resources polled, the environment described, all summarised."""
