"""The limit on the texts of an account's channels, services and agents, which are never deleted."""

from __future__ import annotations

from moobius.local.model.outcome import Moment
from moobius.local.model.refusal import not_permitted
from moobius.local.model.state import State


def check_texts(state: State, moment: Moment, owner: str, more: int) -> None:
    """Refuse an account more text than it may have.

    Args:
        state: What it has.
        moment: What it may have: `quotas.texts`.
        owner: The account.
        more: How many bytes would be added, counted by `text_size`.

    Raises:
        Refused: If that is too many.
    """
    if more > 0 and state.texts.get(owner, 0) + more > moment.quotas.texts:
        raise not_permitted(
            f"The channels, services and agents of this account have {moment.quotas.texts} bytes "
            "of text, which is as many as they may"
        )
