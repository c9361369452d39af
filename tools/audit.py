"""Look the pinned packages up among known weaknesses (`make audit`); exit code 1 when one has any.

pip-audit asks the package index. An index that tells of no weaknesses leaves packages unaudited: they are counted and
said, because a silent zero would look like a clean bill.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Run pip-audit over requirements/install.txt. Returns the exit code."""
    pins = ROOT / "requirements" / "install.txt"
    quietly = ["--progress-spinner", "off", "--disable-pip", "--require-hashes", "--format", "json"]
    command = [sys.executable, "-m", "pip_audit", *quietly, "--requirement", str(pins)]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if not asked.stdout:
        print(asked.stderr, file=sys.stderr)
        return 1
    packages = json.loads(asked.stdout)["dependencies"]
    weak = [package for package in packages if package.get("vulns")]
    unaudited = [package["name"] for package in packages if "skip_reason" in package]
    for package in weak:
        for weakness in package["vulns"]:
            fixed = ", ".join(weakness["fix_versions"]) or "none yet"
            print(f"{package['name']} {package['version']}: {weakness['id']}, fixed in: {fixed}", file=sys.stderr)
    print(f"{len(packages) - len(unaudited)} of {len(packages)} packages looked up, {len(weak)} with known weaknesses.")
    if unaudited:
        print(f"This index tells nothing of {len(unaudited)} of them: run it again where advisories can be read.")
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main())
