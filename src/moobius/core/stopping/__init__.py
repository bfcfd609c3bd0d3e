"""How everything stops: signals, how long it may take, and what comes when that is over."""
