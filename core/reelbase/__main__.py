"""``python -m reelbase`` is ``reelbase``."""

from reelbase.cli import main

raise SystemExit(main())
