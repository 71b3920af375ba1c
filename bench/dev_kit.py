"""How fast the dev kit itself is, below everything that is measured with it: python -m bench.dev_kit"""

import subprocess
import sys

PARTS = ("bench.simulator_throughput", "bench.durable_engine")


def main() -> None:
    print("## The simulator and the durable engine of the dev kit\n\n```")
    for part in PARTS:
        done = subprocess.run([sys.executable, "-m", part], stdout=subprocess.PIPE, text=True, check=True)
        print(done.stdout.strip())
    print("```")


if __name__ == "__main__":
    main()
