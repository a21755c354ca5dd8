"""A page that is run: its folder, its environment, what its blocks print, and the processes that it leaves."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from sybil import Example

from docs.outputs import difference
from web.browser import result_of_page
from web.programs import MissingError, find_browser, find_client, find_node

SECONDS: Final = 600
"""Most that a command or a js block may take."""
PROGRAMS: Final = Path(__file__).parent / "programs"
"""Of the pages' invisible blocks, and npm."""
NOT_KEPT: Final = ("MERSALG_", "MLFLOW_", "MAKE", "MFLAGS")
"""How the names of variables begin that say something else to a page's commands."""
FILE: Final = re.compile(r"# ([\w-]+\.py)\n")
"""The first line of a python block that a reader saves as a file; a console block runs it."""
EXIT_STATUS: Final = re.compile(r"\[exit status (\d+)\]")
AS_IT_WAS: Final = """\
trap 'status=$?; export -p > "{state}/exports"; pwd > "{state}/pwd"; exit $status' EXIT
if [ -f "{state}/exports" ]; then . "{state}/exports"; cd "$(cat "{state}/pwd")"; fi
"""


def missing(sentence: str) -> None:
    """Skip for what is not here; where CI has to have it, fail."""
    if os.environ.get("MERSALG_RUNTIMES") == "required":
        pytest.fail(sentence)
    pytest.skip(sentence)


@dataclass
class Command:
    """A command of a console block and what is shown below it."""

    text: str
    shown: list[str] = field(default_factory=list)
    status: int = 0


@dataclass
class PageRun:
    """Runs the blocks of one page in a folder of its own."""

    folder: Path
    """The page's copy of the workspace."""
    state: Path
    """Where the shell's exported variables and its folder are kept between commands."""
    environment: Mapping[str, str]
    scripts: list[str] = field(default_factory=list)
    """The js blocks so far."""
    groups: list[int] = field(default_factory=list)
    """Process groups of the commands so far."""

    def python(self, source: str, example: Example, shown: str | None) -> str | None:
        """Run a block in the page's namespace; what differs from the output shown. One that is a file is written."""
        code = compile("\n" * example.line + source, example.path, "exec", dont_inherit=True)
        if named := FILE.match(source):
            (self.folder / named.group(1)).write_text(source, encoding="utf-8")
            return None if shown is None else f"{named.group(1)} is a file, which prints nothing"
        printed = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            exec(code, example.namespace)
        return None if shown is None else difference(shown, printed.getvalue())

    def console(self, source: str) -> str | None:
        """Run the commands of a block in turn; what the first that is not as shown gave."""
        commands = read_commands(source)
        if isinstance(commands, str):
            return commands
        for command in commands:
            status, printed = self.shell(command.text)
            if status != command.status:
                return f"$ {command.text}\nexpected exit status {command.status}, got {status}\n{printed}"
            if command.shown and (differs := difference("\n".join(command.shown), printed)):
                return f"$ {command.text}\n{differs}"
        return None

    def shell(self, command: str) -> tuple[int, str]:
        """Exit status and output, stderr included, of a command of `sh`; what it exports and where it goes stays."""
        script = AS_IT_WAS.format(state=self.state) + command
        with (self.state / "output").open("w+b") as output:
            process = subprocess.Popen(
                ["sh", "-c", script],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.groups.append(process.pid)
            try:
                status = process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                status = -1
        printed = (self.state / "output").read_text(encoding="utf-8", errors="replace")
        # Commands in the background write on; the next one gets a file of its own.
        (self.state / "output").unlink()
        return status, printed

    def js(self, source: str, shown: str | None) -> str | None:
        """Run a block under Node after the page's earlier ones; what differs from the output shown."""
        try:
            node = find_node()
            self.link_packages()
        except MissingError as error:
            return missing(str(error))
        self.scripts.append(source)
        (self.folder / "page.mjs").write_text(one_script(self.scripts), encoding="utf-8")
        ran = subprocess.run(
            [*node, "page.mjs"],
            check=False,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if ran.returncode != 0:
            return f"node ended with {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return None if shown is None else difference(shown, ran.stdout.split(MARK + "\n", maxsplit=1)[1])

    def browser(self, source: str, html: str) -> str | None:
        """Run a block in a browser, in a page of this HTML that is served with the folder; what failed."""
        try:
            find_browser()
            self.link_packages()
        except MissingError as error:
            return missing(str(error))
        (self.folder / "browser.mjs").write_text(source, encoding="utf-8")
        (self.folder / "browser.html").write_text(html + IN_BROWSER, encoding="utf-8")
        told = result_of_page("browser.html", {place.name: place for place in self.folder.iterdir()}, SECONDS)
        return str(told["failed"]) if told["failed"] else None

    def link_packages(self) -> None:
        """Put the client and its browser's runtime where npm would, unless the page did; MissingError without them."""
        client, packages = find_client(), self.folder / "node_modules"
        packages.mkdir(exist_ok=True)
        for name, place in (("mersalg", client), ("onnxruntime-web", client / "node_modules" / "onnxruntime-web")):
            if not (packages / name).exists():
                (packages / name).symlink_to(place, target_is_directory=True)

    def end(self) -> None:
        """End what the page's commands left running."""
        for group in self.groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)
        until = time.monotonic() + 5.0
        for group in self.groups:
            with contextlib.suppress(ProcessLookupError):
                while time.monotonic() < until:
                    os.killpg(group, 0)
                    time.sleep(0.05)
                os.killpg(group, signal.SIGKILL)


IN_BROWSER: Final = """\
<script type="module">
  const failed = await import("/browser.mjs").then(() => "", (error) => `${error.name}: ${error.message}`);
  await fetch("/result", { method: "POST", body: JSON.stringify({ failed }) });
</script>
"""
MARK: Final = "--- the block's own output ---"


def one_script(scripts: list[str]) -> str:
    """The blocks of a page as one module: an import stands once, a name may be declared again."""
    imports: dict[str, None] = {}
    bodies = []
    for script in scripts:
        lines = script.splitlines()
        imports |= dict.fromkeys(line for line in lines if line.startswith("import "))
        rest = [line for line in lines if not line.startswith("import ")]
        bodies.append("\n".join(re.sub(r"^(const|let) ", "var ", line) for line in rest))
    return "\n".join([*imports, *bodies[:-1], f"console.log({MARK!r});", bodies[-1]])


def read_commands(source: str) -> list[Command] | str:
    """The commands of a console block, or what is wrong with it.

    A command goes on where a line ends with a backslash, and on lines that begin with `> `.
    """
    commands: list[Command] = []
    goes_on = False
    for line in source.splitlines():
        if line.startswith("$ "):
            commands.append(Command(line[2:]))
        elif commands and (goes_on or (line.startswith("> ") and not commands[-1].shown)):
            commands[-1].text += "\n" + line.removeprefix("> ")
        elif commands and (told := EXIT_STATUS.fullmatch(line.strip())):
            commands[-1].status = int(told.group(1))
        elif commands:
            commands[-1].shown += [line] if line.strip() else []
        elif line.strip() and not line.startswith("#"):
            return f"expected a command, a line that begins with '$ ', got {line!r}"
        goes_on = bool(commands) and not commands[-1].shown and line.endswith("\\")
    return commands or "expected a command, a line that begins with '$ ', got none"


def page_environment(folder: Path) -> dict[str, str]:
    """The environment of a page's commands: this Python's programs first, a home of its own, plain 120 columns.

    npm has what it has fetched before; MLflow tells nobody.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_KEPT)}
    npm = {"cache": str(Path.home() / ".npm"), "userconfig": str(Path.home() / ".npmrc"), "prefer_offline": "true"}
    return (
        {f"npm_config_{name}": value for name, value in npm.items()}
        | kept
        | {
            "PATH": os.pathsep.join([str(PROGRAMS), str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "HOME": str(folder / "home"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MPLCONFIGDIR": str(folder.parent / "matplotlib"),
            "COLUMNS": "120",
            "NO_COLOR": "1",
            "TERM": "dumb",
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
        }
    )
