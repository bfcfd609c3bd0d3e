"""The rules of the Platform: commands in, events and deliveries out; no clock, no I/O."""
