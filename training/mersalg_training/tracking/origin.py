"""Where a run comes from: the command, the user, and the commit of the folder in which it ran."""

from __future__ import annotations

import getpass
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

from mersalg.registry.server import without_password

GIT_SECONDS: Final = 10.0
MAX_COMMAND_LENGTH: Final = 5000


def origin_tags(folder: Path) -> dict[str, str]:
    """MLflow's own tags of a run's origin, and `mersalg.command`; of what is not known there is no tag."""
    tags = {
        "mlflow.source.name": source_name(),
        "mlflow.source.type": "LOCAL",
        "mersalg.command": without_password(shlex.join(sys.argv))[:MAX_COMMAND_LENGTH],
        **commit_tags(folder),
    }
    user = user_name()
    return tags if user is None else {**tags, "mlflow.user": user}


def source_name() -> str:
    """`mersalg train`, or the program that called mersalg."""
    program = Path(sys.argv[0]).name
    if program == "mersalg" and len(sys.argv) > 1:
        return f"mersalg {sys.argv[1]}"
    return program or "python"


def user_name() -> str | None:
    """The user's name; None where the system knows none, as in a container of an unnamed user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return None


def commit_tags(folder: Path) -> dict[str, str]:
    """The commit of the repository around a folder, and whether its files are changed; nothing where there is none."""
    commit = git(folder, "rev-parse", "HEAD")
    if not commit:
        return {}
    changed = git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"mlflow.source.git.commit": commit, "git.changed": "false" if changed == "" else "true"}


def git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where it is not installed, refuses, or takes long."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=GIT_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
