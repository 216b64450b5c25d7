# SPDX-License-Identifier: MIT
#
# The keys of a service file that mkGuest's options stand for.
builtins.sort builtins.lessThan (
  map (o: o.ini) (builtins.filter (o: o ? ini) (import ../../nix/lib/options.nix).service)
)
