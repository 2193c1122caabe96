"""What `invoke package` says of what it made."""

import os
import tempfile
from pathlib import Path

from tasks.cloud.cold_start import Variant, event, in_turn, unpacked
from tasks.cloud.packaging import Package, build
from tasks.processes import project_folder

RUNS = 3
MEGABYTE = 1024**2


def package(stage: str) -> Package:
    """Package a stage into packaged/STAGE, and print how large it is and how fast it starts."""
    made = build(stage, project_folder() / "packaged" / stage)
    with tempfile.TemporaryDirectory() as temporary:
        print(size_line(made))
        print(cold_start_line(made, Path(temporary)))
    return made


def size_line(made: Package) -> str:
    """Tell the size, beside that of the plain package."""
    size, plain = (path.stat().st_size / MEGABYTE for path in (made.code, made.plain))
    name = made.code.relative_to(project_folder())
    return f"{name}: {size:.1f} MB (plain `chalice package`: {plain:.1f} MB), SHA-256 {made.digest}"


def cold_start_line(made: Package, folder: Path) -> str:
    """Tell what starting costs; `python -m benchmarks.cold_start` measures it better, with a table."""
    environment = {**os.environ, "STAGE": "local", "SECRETS_FILE": str(folder / "secrets.json")}
    variants = [
        Variant(
            path.stem, unpacked(path, folder / path.stem), "app.app", event("GET", "/health", {}), environment
        )
        for path in (made.code, made.plain)
    ]
    in_turn(variants, RUNS)
    ours, plain = (variant.median for variant in variants)
    return f"cold start: {ours:.2f} s of CPU to import it and answer GET /health (plain: {plain:.2f} s)"
