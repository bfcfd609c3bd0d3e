"""How spells reach a service, also in another process: each once, and in order."""
