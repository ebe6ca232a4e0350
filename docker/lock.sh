#!/bin/sh
# Write the versions that docker/Dockerfile installs: requirements.txt and torch-gpu.txt.
# Needs uv (https://docs.astral.sh/uv), and reads pyproject.toml:  docker/lock.sh
set -eu
cd "$(dirname "$0")/.."
torch="torch torchvision triton nvidia-* cuda-*" # what belongs to a build of torch; the rest is common to all builds
all=$(mktemp)
uv pip compile pyproject.toml --extra server --extra msi --extra tsne --python-version 3.11 --no-header --no-annotate \
  --python-platform x86_64-manylinux_2_28 --generate-hashes --only-binary :all: --quiet --output-file "$all" "$@"
python3 - "$all" $torch <<'P'
import sys
from fnmatch import fnmatch
from pathlib import Path

text, patterns = Path(sys.argv[1]).read_text(), sys.argv[2:]
entries = [f"{entry.rstrip()}\n" for entry in text.replace("\n    --hash", "\0").replace("\n", "\n\1").split("\1")]
entries = [entry.replace("\0", "\n    --hash") for entry in entries if entry.strip()]
of_torch = [any(fnmatch(entry.partition("==")[0], pattern) for pattern in patterns) for entry in entries]
note = "# Made by docker/lock.sh: edit pyproject.toml and run it again.\n"
folder = Path("docker")
rest = [entry for entry, is_of_torch in zip(entries, of_torch) if not is_of_torch]
gpu = [entry for entry, is_of_torch in zip(entries, of_torch) if is_of_torch]
(folder / "requirements.txt").write_text(note + "".join(rest))
(folder / "torch-gpu.txt").write_text(note + "".join(gpu))
P
rm "$all"
