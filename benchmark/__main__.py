"""``python -m howrobust``."""

from howrobust.cli.main import main

main()
