package reseed

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// nodeHelper answers each line with random bytes in hex.
const nodeHelper = `
const crypto = require('node:crypto');
require('node:readline').createInterface({ input: process.stdin }).on('line', () => {
  console.log(crypto.randomBytes(16).toString('hex'), crypto.randomUUID(), crypto.randomInt(1000), Math.random());
});`

// TestOpenSSL sees that Node's generators are found, and that the next random bytes come after a new seeding: OpenSSL then
// has written the process id back.
func TestOpenSSL(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("VIDEOSDGX_TEST_CONTAINERD") == "1" {
			t.Fatal("node is missing; install it with make setup-test")
		}
		t.Skip("LEFT OUT: node is missing")
	}
	option, err := InstallNode(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, option, "-e", nodeHelper)
	cmd.Stderr = os.Stderr
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	ask := func() {
		fmt.Fprintln(in)
		if !lines.Scan() {
			t.Fatal("node has ended")
		}
	}
	ask()
	before := drbgs(t, cmd.Process.Pid)
	n, err := Process(cmd.Process.Pid, Places{})
	if err != nil || n == 0 || len(before) == 0 {
		t.Fatalf("%d DRBGs there, %d renewed, %v", len(before), n, err)
	}
	if left := drbgs(t, cmd.Process.Pid); len(left) != 0 {
		t.Fatalf("%d DRBGs still believe that they were not forked", len(left))
	}
	ask()
	if seeded := drbgs(t, cmd.Process.Pid); len(seeded) == 0 {
		t.Error("random bytes came without a new seeding")
	}
}

// drbgs gives the addresses of DRBGs that were seeded by their own process.
func drbgs(t *testing.T, pid int) (found []uint64) {
	t.Helper()
	p, err := open(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for _, m := range p.maps {
		b := make([]byte, m.to-m.from)
		n, _ := p.mem.ReadAt(b, int64(m.from))
		for off := 0; off+span <= n; off += 8 {
			if binary.NativeEndian.Uint32(b[off:]) == uint32(pid) && drbg(b[off:]) {
				found = append(found, m.from+uint64(off))
			}
		}
	}
	return found
}
