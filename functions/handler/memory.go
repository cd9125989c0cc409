package handler

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"os"
	"runtime/debug"
	"sort"
	"strconv"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/media"
	"github.com/videosdgx/videosdgx/internal/procfs"
)

// FunctionMemoryEnv is limits.memory of the function in MiB: the runtime gives it to every instance, as Lambda does. Containers see no
// control group of their own.
const FunctionMemoryEnv = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"

// Limit is how many bytes of the machine's memory this instance may take: the least of what its function may, what its control group
// allows and what there is; 0 where none of them is known.
func Limit() (int64, error) {
	function, err := int64(0), error(nil)
	if s := os.Getenv(FunctionMemoryEnv); s != "" {
		if function, err = strconv.ParseInt(s, 10, 64); err != nil || function < 1 {
			return 0, fmt.Errorf("%s is %q: a number of MiB would do: %w", FunctionMemoryEnv, s, errdefs.ErrInvalidArgument)
		}
	}
	return least(function<<20, group("/sys/fs/cgroup/memory.max"), group("/sys/fs/cgroup/memory/memory.limit_in_bytes"), sizes("/proc/meminfo", "MemTotal")), nil
}

// least is the least of those that are known, which are not 0.
func least(all ...int64) (n int64) {
	for _, limit := range all {
		if limit > 0 && (n == 0 || limit < n) {
			n = limit
		}
	}
	return n
}

// group is the limit in a file of a control group's, of either version; 0 where there is none, or it says "max".
func group(file string) int64 {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(raw)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// own is what this process has of memory of its own, in bytes: files that it maps are others' too, and can be given back.
func own() int64 {
	return sizes("/proc/self/status", "RssAnon", "RssShmem")
}

// sizes is the sum of lines of a file of proc(5), in bytes; 0 where it cannot be read.
func sizes(file string, names ...string) int64 {
	text, _ := os.ReadFile(file) // without one there is no line
	return procfs.Sum(text, names...)
}

// companions is what an instance has beside the function's process while it reads a request, in bytes: the runtime's program, which
// passed the request on, the kernel's tables for both, and what lies in its folders in memory.
const companions = 24 << 20

// left is how many bytes this instance may still take; no limit is known: as many as there can be.
func (in *intake) left() int64 {
	if in.memory <= 0 {
		return math.MaxInt64
	}
	return in.memory - own() - companions
}

// large is from when on memory is given back around what takes it, in bytes: until it is collected, what a request has left would
// count as much as what is to come.
const large = 8 << 20

// room gives back what nobody has any more, where much is about to be taken, and is what is left then.
func (in *intake) room(bytes int64) int64 {
	if bytes > large {
		debug.FreeOSMemory()
	}
	return in.left()
}

// affords refuses what takes so many bytes to read, where they are not there.
func (in *intake) affords(bytes int64) error {
	if left := in.room(bytes); bytes > left {
		return fmt.Errorf("it takes %d MiB of memory to read, this instance has %d MiB left: send a smaller file, or raise limits.memory: %w", (bytes+1<<20-1)>>20, max(left, 0)>>20, errdefs.ErrInvalidArgument)
	}
	return nil
}

// pixels is what a picture keeps of the instance's memory while a clip is made, in bytes.
func pixels(img image.Image) int64 {
	b := img.Bounds()
	return 3 * int64(b.Dx()) * int64(b.Dy())
}

// beside is how many bytes reading a video may take for the clip of r to fit beside it: no more than what is left, and all of that where
// the clip would not fit by itself either, which the model says.
func (in *intake) beside(r Request) int64 {
	left := max(in.left(), 0)
	if in.d.Fits == nil || in.memory <= 0 {
		return left
	}
	fits := func(held int64) bool {
		with := r
		with.Held, with.Video = r.Held+held, &media.Clip{}
		return in.d.Fits(with)
	}
	if fits(left) || !fits(0) {
		return left
	}
	mebi := sort.Search(int(left>>20), func(n int) bool { return !fits(int64(n+1) << 20) })
	return int64(mebi) << 20
}
