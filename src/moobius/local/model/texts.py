"""How much an account may write that is kept for everybody to read: a loop has to end somewhere."""

from __future__ import annotations

from moobius.local.model.outcome import Moment
from moobius.local.model.refusal import not_permitted
from moobius.local.model.state import State


def check_texts(state: State, moment: Moment, owner: str, more: int) -> None:
    """Refuse an account texts for which there is no room.

    Args:
        state: What there is.
        moment: How much there may be.
        owner: Whose channels, services and agents they are for.
        more: By how much there would be more, as `text_size` has it.
    """
    if more > 0 and state.texts.get(owner, 0) + more > moment.quotas.texts:
        raise not_permitted(
            f"The channels, services and agents of this account have {moment.quotas.texts} bytes "
            "of text, which is as many as they may"
        )
