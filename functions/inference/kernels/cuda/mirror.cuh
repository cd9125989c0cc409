// Where a picture goes on beyond its sides.
#pragma once

namespace videosdgx {

// mirrored is the place that stands for i where the points beyond a side are those before it, in a mirror whose plane goes through the last
// point. What is further away than the side is long has none: it is negative, or no less than the side.
__device__ inline int mirrored(int i, unsigned side) {
  const int n = int(side);
  return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
}

}  // namespace videosdgx
