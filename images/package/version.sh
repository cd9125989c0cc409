#!/bin/sh
# The version of a package of this tree, in an order that dpkg agrees with: of a tag v1.10.0 1.10.0, of v1.10.0-rc.1 1.10.0~rc.1 (before
# 1.10.0), of what was committed since +N.gCOMMIT behind that (after it, and before the next), N being how many commits. Without a tag
# all commits count, before 0.1.0. A tree that is no repository, or a shallow one without its tag, is 0.0.0.
here=$(cd "$(dirname "$0")/../.." && pwd)
if tag=$(git -C "$here" describe --tags --long --match 'v[0-9]*' 2>/dev/null); then
  commit=${tag##*-} rest=${tag%-*} # v1.10.0-rc.1-5-gabcdef0
  n=${rest##*-} version=${rest%-*}
  version=$(printf %s "${version#v}" | sed 's/-/~/; s/-/./g')
  [ "$n" = 0 ] && echo "$version" || echo "$version+$n.$commit"
elif commit=$(git -C "$here" rev-parse --short HEAD 2>/dev/null); then
  echo "0.1.0~dev+$(git -C "$here" rev-list --count HEAD).g$commit"
else
  echo 0.0.0
fi
