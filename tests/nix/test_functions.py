#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pure functions of nix/lib: unit tests and rejections (unit.nix), and the reference."""

import os

import tap


def main():
    tap.require_nix()
    suite = tap.Suite()
    tests, error = tap.evaluate(os.path.join(tap.HERE, "unit.nix"))
    if suite.result(tests is not None, "unit.nix evaluates", error):
        for test in tests:
            suite.equal(test["name"], test["got"], test["want"])

    reference, error = tap.evaluate(os.path.join(tap.ROOT, "nix", "lib", "reference.nix"))
    if suite.result(reference is not None, "the reference evaluates", error):
        for key, path in (("markdown", "nix/OPTIONS.md"), ("mdoc", "man/mvm-mkguest.5")):
            try:
                with open(os.path.join(tap.ROOT, path), encoding="utf-8") as file:
                    current = file.read()
            except OSError as problem:
                current = str(problem)
            suite.result(
                current == reference[key],
                f"{path} is what the options say",
                "run tests/nix/update-reference",
            )
    suite.done()


if __name__ == "__main__":
    main()
