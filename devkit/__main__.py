"""`python -m devkit COMMAND`: run Segpilot, or one part of its surroundings, on this machine."""

import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "up": ("local.command", "start storage, vault, Autopilot simulator and the app; Ctrl-C ends them"),
    "demo": ("local.command", "the same, then export a sample segment of 10,000 people"),
    "status": ("local.command", "say what runs, and where"),
    "stop": ("local.command", "end what `up` started elsewhere"),
    "host": ("host.command", "only the functions host"),
    "autopilot": ("autopilot.command", "only the Autopilot simulator"),
    "vault": ("vault.command", "only the Key Vault and the managed identity"),
    "package": ("package", "write what is deployed into a zip"),
    "screenshots": ("screenshots", "make the pictures of the documentation"),
    "browser": ("browser", "make sure that there is a Chromium for the browser tests"),
}


def main(argv: Sequence[str]) -> int:
    """Hand `argv` to the part that knows the command; return its exit code."""
    if not argv or argv[0] not in COMMANDS:
        asked_for_help = bool(argv) and argv[0] in ("-h", "--help")
        print(_usage(), file=sys.stdout if asked_for_help else sys.stderr)
        return 0 if asked_for_help else 2
    module, _ = COMMANDS[argv[0]]
    command = import_module(f"devkit.{module}")
    # `local` has several commands, so it is told which; the others have one.
    return command.main(argv if module == "local.command" else argv[1:]) or 0


def _usage() -> str:
    lines = ["usage: python -m devkit COMMAND [options]", ""]
    lines += [f"  {name:<11} {purpose}" for name, (_, purpose) in COMMANDS.items()]
    lines += ["", "python -m devkit COMMAND --help tells more."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
