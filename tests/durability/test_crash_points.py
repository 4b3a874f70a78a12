"""Every storage operation of scripted histories, with every fault: nothing is lost, nothing is half there.

See the stories for the histories, `trials` for the faults, `rivals` for other writers, `replay` for what is checked.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from replay import Looks, Replay, history, memory, points
from stories import STORIES

MANY = 7500


@pytest.mark.parametrize(
    ("story", "step"), [(story.name, step.name) for story in STORIES.values() for step in story.steps]
)
def test_step(story: str, step: str, record_property: Callable[[str, object], None]) -> None:
    moment = history(story)[step]
    problems: list[str] = []
    count = 0
    with memory() as storage:
        looks = Looks(storage)
        for what, at in points(moment):
            problems += Replay(looks, storage, moment, what, at).run()
            count += 1
    record_property("crash points", count)
    assert count >= 10, "a step that asks the storage for nothing proves nothing"
    assert not problems, f"{len(problems)} problems at {count} points:\n" + "\n".join(problems[:20])


def test_there_are_thousands_of_points() -> None:
    moments = [moment for story in STORIES for moment in history(story).values()]
    assert sum(len(list(points(moment))) for moment in moments) >= MANY


def test_a_video_is_an_object_of_its_own() -> None:
    assert any(call.kind == "put" and call.key.startswith("blobs/") for call in history("rows")["append_a_video"].calls)


def test_the_index_is_folded() -> None:
    """Else the story of folding says nothing about it."""
    folds = {
        name
        for name, moment in history("folding").items()
        if any(call.kind == "put" and call.key.startswith("index/") for call in moment.calls)
    }
    assert {"append_32", "replace_many", "delete_many"} <= folds
