# SPDX-License-Identifier: MIT
#
# The tests' nixpkgs for this machine, whatever system is asked for: so that a flake for another one
# can be built and booted here as it is.
_: import ./stub-nixpkgs { }
