"""Every import path that storage ever had leads to the same objects."""

import moobius.core.storage
import moobius.database.magical_storage
import moobius.database.storage
from moobius.database import cached_dict, engines


def test_the_paths_lead_to_the_same_objects() -> None:
    faces = (
        moobius.core.storage,
        moobius.database.storage,
        moobius.database.magical_storage,
    )
    assert len({face.MoobiusStorage for face in faces}) == 1
    assert {face.CachedDict for face in faces} == {cached_dict.CachedDict}
    assert moobius.database.storage.get_engine is engines.get_engine
    assert moobius.database.storage.register_engine is engines.register_engine
