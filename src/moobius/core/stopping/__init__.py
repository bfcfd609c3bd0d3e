"""How services and programs stop: by signals, within time limits, and by force after these."""
