"""Programs that stand in for az, npm and the like: they note how they are called and answer as they are told."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = """#!{python}
import json, os, pathlib, sys
folder = pathlib.Path(__file__).parent
call = [pathlib.Path(__file__).name, *sys.argv[1:]]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([call, os.getcwd()]) + "\\n")
earlier = [json.loads(line)[0] for line in (folder / "calls").read_text().splitlines()]
for words, answers in json.loads((folder / "answers").read_text()):
    if all(word in call for word in words):
        turn = sum(all(word in each for word in words) for each in earlier)
        output, code = answers[min(turn, len(answers)) - 1]
        print(output)
        sys.exit(code)
sys.exit(f"nobody said what {{call}} answers")
"""
Answers = Sequence[tuple[Sequence[str], Sequence[tuple[str, int]]]]


@dataclass(frozen=True)
class Outcome:
    """How a script ended, and the calls it made: program with arguments, and the folder."""

    code: int
    output: str
    errors: str
    calls: list[tuple[list[str], Path]]

    def calls_with(self, *words: str) -> list[list[str]]:
        return [call for call, _ in self.calls if all(word in call for word in words)]


def run_script(script: Path, folder: Path, answers: Answers, environment: Mapping[str, str]) -> Outcome:
    """Run a shell script among stand-ins for az and npm; `answers`: words of a call, and its outputs with exit codes.

    The n-th call with these words gets the n-th answer; after the last one, that one again.
    """
    for name in ("az", "azd", "npm"):
        program = folder / name
        program.write_text(PROGRAM.format(python=sys.executable))
        program.chmod(0o755)
    (folder / "answers").write_text(json.dumps(answers))
    (folder / "calls").touch()
    done = subprocess.run(
        ["sh", str(script)],
        cwd=folder,
        env={"PATH": f"{folder}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    noted = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    calls = [(call, Path(where)) for call, where in noted]
    return Outcome(done.returncode, done.stdout, done.stderr, calls)
