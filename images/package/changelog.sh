#!/bin/sh
# A package's changelog, as Debian has it: what was committed since the tag before. changelog.sh VERSION
here=$(cd "$(dirname "$0")/../.." && pwd)
since=$(git -C "$here" describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null)
echo "videosdgx ($1) unstable; urgency=medium"
echo
{ git -C "$here" log -50 --format='  * %s' ${since:+"$since..HEAD"} 2>/dev/null | grep . || echo "  * A build of this tree."; } |
  fold -s -w 76 | sed 's/ *$//; /^  \*/!s/^/    /' # no line of more than 80
echo
echo " -- VideosDGX <videosdgx@localhost>  $(LC_ALL=C date -u -R -d "@${SOURCE_DATE_EPOCH:-0}")"
