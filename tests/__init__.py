"""The tests, as a package: `tests/support` is shared between them."""
