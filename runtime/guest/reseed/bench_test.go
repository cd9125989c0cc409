package reseed

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// BenchmarkProcess is what a restore pays: a small Go program, and one with a private heap of 512 MiB, with and without
// knowing where its generators were.
func BenchmarkProcess(b *testing.B) {
	for _, c := range []struct {
		mb    int
		known bool
	}{{0, false}, {0, true}, {512, false}, {512, true}} {
		b.Run(fmt.Sprintf("%dMiB,known=%v", c.mb, c.known), func(b *testing.B) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), fmt.Sprintf("RESEED_TEST_RANDOM=%d", c.mb))
			in, _ := cmd.StdinPipe()
			out, _ := cmd.StdoutPipe()
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { in.Close(); cmd.Wait() })
			fmt.Fprintln(in)
			out.Read(make([]byte, 100))
			var places Places
			if c.known {
				var err error
				if places, err = Find(cmd.Process.Pid); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if n, err := Process(cmd.Process.Pid, places); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
		})
	}
}
