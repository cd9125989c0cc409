// Package split is an engine over several devices: a graph that Spread names is held whole on each of them where it fits, so
// that runs side by side take one each, or is cut into as many parts, which a run goes through one after the other while
// another run is in the parts before or behind. What crosses a cut stays on the device that made it until the next has it.
//
// Every other graph opens on the first device as if there were no others. The package knows engines by their interface only:
// two sessions on the CPU are as good as two GPUs, and compute the same.
package split
