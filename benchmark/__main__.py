"""``python -m howrobust``."""

from howrobust.cli import main

main()
