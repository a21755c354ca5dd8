"""Build the site into a folder: its sources as Markdown, then HTML, Markdown twins and llms.txt."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sphinx.cmd.build import build_main

from mersalg_site.generated.interface import openapi
from mersalg_site.links import FILES
from mersalg_site.pages import read_pages
from mersalg_site.words import MAX_WORDS, outside_reference, words_by_part

ROOT: Final = Path(__file__).parents[2]
STRICT: Final = ("--fail-on-warning", "--keep-going", "--nitpicky", "--fresh-env", "--quiet")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, and give Sphinx's exit status: 1 where anything is warned of."""
    parser = argparse.ArgumentParser(prog="mersalg_site", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "docs", help="folder (default: build/docs)")
    out: Path = parser.parse_args(arguments).out
    write_source(ROOT, out / "source")
    html = out / "html"
    shutil.rmtree(html, ignore_errors=True)
    places = [str(out / "source"), str(html), "--conf-dir", str(ROOT / "docs"), "--doctree-dir", str(out / "doctrees")]
    status = build_main([*STRICT, *places])
    if status == 0:
        words = words_by_part(ROOT)
        told = ", ".join(f"{part} {count:,}" for part, count in words.items())
        print(f"words {told}; {outside_reference(words):,} outside the reference, of {MAX_WORDS:,}")
        print(f"site  {html / 'index.html'}")
    return status


def write_source(root: Path, folder: Path) -> None:
    """Write what Sphinx reads: every page, and the files that pages lead to."""
    shutil.rmtree(folder, ignore_errors=True)
    for page in read_pages(root):
        place = folder / f"{page.name}.md"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(page.text, encoding="utf-8")
        for file in page.files:
            copy = folder / FILES / file.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    (folder / FILES).mkdir(parents=True, exist_ok=True)
    (folder / FILES / "openapi.json").write_text(json.dumps(openapi(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
