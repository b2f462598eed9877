"""Models of other packages: `tox -e friends` installs those; elsewhere nothing is collected."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("ngboost") else ["test_*.py"]
