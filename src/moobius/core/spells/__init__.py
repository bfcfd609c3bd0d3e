"""How spells reach a service: out of one process, into another, each once and in order."""
