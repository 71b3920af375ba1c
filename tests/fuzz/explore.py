"""Coverage-guided fuzzing: `python -m tests.fuzz.explore --target csv --seconds 60`; `make fuzz` goes through all targets.

What is found is written into .segpilot/fuzz/{target}/, in a file of its own; `--repeat FILE` runs it again. The corpus grows
there, too.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["shared", "portal", "functions", "multipart", "email_validator"]):
    from tests.fuzz.seeds import SEEDS
    from tests.fuzz.targets import TARGETS

_PLACE = Path(".segpilot") / "fuzz"


def _explore(target: str, seconds: int) -> None:
    """Does not return: libFuzzer ends the process."""
    corpus = _PLACE / target / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[target]):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={_PLACE / target}/",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-max_len=4096",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[target])
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=[*TARGETS, "all"], default="all")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--repeat", type=Path)
    given = parser.parse_args()
    if given.repeat:
        TARGETS[given.target](given.repeat.read_bytes())
        return 0
    if given.target != "all":
        _explore(given.target, given.seconds)
    failed = []
    for target in TARGETS:
        sys.stderr.write(f"== {target}\n")
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.explore",
            "--target",
            target,
            "--seconds",
            str(given.seconds),
        ]
        if subprocess.run(command, check=False).returncode:
            failed.append(target)
    sys.stderr.write(f"Found something in: {', '.join(failed)}\n" if failed else "Nothing was found.\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
