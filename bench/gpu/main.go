// Command gpu asks how long device memory takes to leave a process and to come back, against what the machine can copy,
// and whether CRIU can take such a process to disk. It needs an NVIDIA GPU and root; see README.md.
package main

import (
	"context"
	"flag"
	"os"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/snapshotter/cuda"
)

func main() {
	var b bench
	sizes := flag.String("sizes", "1x3,8x3,32x2", "GiB of device memory, and how often each")
	budget := flag.Duration("budget", 10*time.Minute, "time after which nothing more is measured")
	hold := flag.Bool("hold", false, "be the small process of the trial")
	flag.StringVar(&b.victim, "victim", "", "compiled victim/victim.cu; empty: compile it with nvcc")
	flag.StringVar(&b.criu, "criu", "/opt/criu/sbin/criu", "criu binary; empty: leave CRIU out")
	flag.Float64Var(&b.criuMost, "criu-most", 32, "most GiB that CRIU is tried with")
	flag.StringVar(&b.dir, "dir", os.TempDir(), "folder for images and what the victims write; CRIU's images are as big as the memory")
	flag.StringVar(&b.commit, "commit", "", "commit that this program was built from, where the checkout is elsewhere")
	harness.Main("gpu", func(ctx context.Context) error {
		if *hold {
			return cuda.ServeTrial("", os.Stdin, os.Stdout)
		}
		ctx, cancel := context.WithTimeout(ctx, *budget)
		defer cancel()
		return b.run(ctx, *sizes)
	})
}
