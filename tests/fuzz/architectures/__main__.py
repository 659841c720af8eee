"""Examine networks by number, or all of a library, and print a report; ends with 1 where something is wrong.

python -m tests.fuzz.architectures --count 5000
python -m tests.fuzz.architectures --number 1234
python -m tests.fuzz.architectures --torchvision
"""

from __future__ import annotations

import argparse
import sys

import torch

from tests.fuzz.architectures import generate, libraries
from tests.fuzz.architectures.report import markdown
from tests.fuzz.architectures.run import Examined, many


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the engine with plain torch on many networks.")
    parser.add_argument("--count", type=int, default=500, help="how many random networks")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--number", type=int, help="this random network alone, printed")
    parser.add_argument("--shrink", type=int, default=25, help="failures to make smaller, at most")
    parser.add_argument("--torchvision", action="store_true", help="all of torchvision's classifiers at random weights")
    parser.add_argument("--timm", action="store_true", help="twenty of timm's, where it is installed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: list[Examined] = []
    if options.torchvision or options.timm:
        runs = [libraries.torchvision_networks] if options.torchvision else []
        runs += [libraries.timm_networks] if options.timm else []
        for run in runs:
            for one in run():
                found.append(one)
                tell(f"{one.name}: {len(one.faults)} faults, {one.seconds:.0f} s")
    else:
        numbers = range(options.first, options.first + options.count)
        if options.number is not None:
            numbers = range(options.number, options.number + 1)
            print(generate.describe(options.number), end="\n\n")
        for one in many(numbers, options.shrink):
            found.append(one)
            if len(found) % 100 == 0:
                tell(f"{len(found)} of {len(numbers)}, {sum(bool(one.faults) for one in found)} with a fault")
    print(markdown(found))
    sys.exit(1 if any(one.faults for one in found) else 0)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
