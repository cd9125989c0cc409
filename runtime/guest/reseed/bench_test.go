package reseed

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// BenchmarkProcess is what a restore pays: a small Go program, and one with a private heap of 512 MiB.
func BenchmarkProcess(b *testing.B) {
	for _, mb := range []int{0, 512} {
		b.Run(fmt.Sprintf("%dMiB", mb), func(b *testing.B) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), fmt.Sprintf("RESEED_TEST_RANDOM=%d", mb))
			in, _ := cmd.StdinPipe()
			out, _ := cmd.StdoutPipe()
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { in.Close(); cmd.Wait() })
			fmt.Fprintln(in)
			out.Read(make([]byte, 100))
			for b.Loop() {
				if n, err := Process(cmd.Process.Pid); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
		})
	}
}
