"""``python -m gen`` is ``fcgen``."""

from gen.cli.main import main

main()
