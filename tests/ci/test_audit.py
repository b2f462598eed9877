"""The audit of pins fails where one is known to be unsafe, and says what it cannot know."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import environment

AUDIT = Path(__file__).parents[2] / ".ci" / "audit.py"
SOUND = {"name": "sound", "version": "1", "vulns": []}
UNKNOWN = {"name": "own", "skip_reason": "own (1) was not found"}
UNSAFE = {
    "name": "bad", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        ([SOUND], 0, "1 of 1 pinned packages were looked up"),
        ([SOUND, UNSAFE], 1, "bad 2: PYSEC-1, mended in 3"),
        ([SOUND, UNKNOWN], 1, "own (1) was not found"),
        ([UNKNOWN], 0, "skipped: no advisories can be had here (own (1) was not found)"),
        (None, 0, "skipped: pip-audit cannot ask for advisories (no network)"),
    ],
)
def test_an_unsafe_package_fails_and_no_network_is_said(found, code, said, tmp_path):
    text = "" if found is None else json.dumps({"dependencies": found})
    (tmp_path / "pip_audit.py").write_text(
        f"import sys\nprint({text!r}, end='')\nprint('no network', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, AUDIT], cwd=tmp_path, env=environment(PYTHONPATH=str(tmp_path)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr
