"""The wire reference as tests: one for each of its statements, named by its section."""
