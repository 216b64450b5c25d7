# SPDX-License-Identifier: MIT
#
# The keys of a service file that mkGuest's options stand for.
let
  options = import ../../nix/lib/options.nix;
  keys =
    planned:
    builtins.sort builtins.lessThan (
      map (o: o.ini) (
        builtins.filter (o: o ? ini && (o.planned or false) == planned) options.service
      )
    );
in
{
  read = keys false;
  planned = keys true;
}
