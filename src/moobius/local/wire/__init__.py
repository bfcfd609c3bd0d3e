"""Frames as text and as commands: decoded once, older spellings made modern."""
