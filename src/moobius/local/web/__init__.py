"""The Platform over HTTP: endpoints, files, the page; translation only."""
