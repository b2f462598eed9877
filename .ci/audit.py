"""Ask whether a pinned package has a known vulnerability; exit 1 where one has.

pip-audit passes what it could not look up. Here that is said, and passes only where nothing could
be: there is no network, or one that has packages and no advisories.
"""

import json
import subprocess
import sys

PINS = "constraints.txt"


def main() -> int:
    """Print what is known, and return the exit code."""
    words = ["-r", PINS, "--no-deps", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
    command = [sys.executable, "-m", "pip_audit", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if not done.stdout:
        said = done.stderr.strip().splitlines() or ["it says nothing"]
        print(f"skipped: pip-audit cannot ask for advisories ({said[-1]})")
        return 0
    found = json.loads(done.stdout)["dependencies"]
    known = [each for each in found if "skip_reason" not in each]
    if not known:
        print(f"skipped: no advisories can be had here ({found[0]['skip_reason']})")
        return 0
    for each in found:
        for flaw in each.get("vulns", []):
            mended = ", ".join(flaw["fix_versions"]) or "no version yet"
            print(f"{each['name']} {each['version']}: {flaw['id']}, mended in {mended}")
        if "skip_reason" in each:
            print(each["skip_reason"])
    print(f"{len(known)} of {len(found)} pinned packages were looked up")
    return 1 if len(known) < len(found) or any(each["vulns"] for each in known) else 0


if __name__ == "__main__":
    sys.exit(main())
