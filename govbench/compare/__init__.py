"""Sets a candidate against its baseline and reaches a verdict. Pure: no clock, disk, network or chance."""
