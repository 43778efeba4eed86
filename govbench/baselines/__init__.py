"""What git keeps of a suite: the stored runs, the calibration, and which of them a run is held against."""
