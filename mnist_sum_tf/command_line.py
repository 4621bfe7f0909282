"""The command `mnist-sum`: `mnist-sum predict a.png` runs `scripts/predict.py a.png`."""

import ast
import pathlib
import runpy
import sys

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "scripts"


def main() -> None:
    """Runs the script that the first argument names, with the other arguments.

    Without any, or with `--help`, lists the scripts. Ends the process with status 1
    where there is no such script, else as the script does.
    """
    name, *arguments = sys.argv[1:] or ["--help"]
    scripts = find_scripts()
    if name == "--help" and scripts:
        print(format_scripts(scripts))
        return
    if name not in scripts:
        sys.exit(f"error: {_expected(scripts)}. Received: {name}")
    path = str(scripts[name])
    sys.argv = [path, *arguments]
    sys.path.insert(0, str(SCRIPTS))  # as `python scripts/NAME.py` has it
    runpy.run_path(path, run_name="__main__")


def find_scripts() -> dict[str, pathlib.Path]:
    """Name -> path of each program; none where the package lies without them."""
    return {
        path.stem: path
        for path in sorted(SCRIPTS.glob("*.py"))
        if "cli.run(main" in path.read_text(encoding="utf-8")
    }


def format_scripts(scripts: dict[str, pathlib.Path]) -> str:
    """The names, and the first line of what each says of itself."""
    width = max(map(len, scripts))
    lines = [f"  {name:{width}}  {_summary(path)}" for name, path in scripts.items()]
    return "\n".join(
        [
            "mnist-sum SCRIPT ...   runs scripts/SCRIPT.py; mnist-sum SCRIPT --help",
            "",
            *lines,
        ]
    )


def _summary(path: pathlib.Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return text.splitlines()[0]


def _expected(scripts: dict[str, pathlib.Path]) -> str:
    if not scripts:
        return f"mnist-sum needs a clone, installed by pip install -e, with {SCRIPTS}"
    return f"mnist-sum must be followed by one of {', '.join(scripts)}"
