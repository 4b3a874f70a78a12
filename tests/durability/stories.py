"""All stories."""

from __future__ import annotations

from story import Story
from story_of_folding import FOLDING
from story_of_rows import ROWS
from story_of_upkeep import UPKEEP
from story_of_versions import VERSIONS

STORIES: dict[str, Story] = {one.name: one for one in (FOLDING, ROWS, VERSIONS, UPKEEP)}
