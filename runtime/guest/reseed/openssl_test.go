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

// TestHasOpenSSL: by the name that distributions, wheels of Python and Node.js give it.
func TestHasOpenSSL(t *testing.T) {
	for maps, want := range map[string]bool{
		"7f00 r-xp 0 08:01 1 /usr/lib/x86_64-linux-gnu/libcrypto.so.3\n":                                     true,
		"7f00 r-xp 0 08:01 1 /var/task/psycopg2_binary.libs/libcrypto-2b8f4c1a.so.3\n":                       true,
		"7f00 r-xp 0 08:01 1 /var/task/packages/cryptography/hazmat/bindings/_rust.abi3.so\n":                true,
		"7f00 r-xp 0 08:01 1 /usr/local/bin/node\n":                                                          true,
		"7f00 r-xp 0 08:01 1 /usr/lib/x86_64-linux-gnu/libc.so.6\n7f00 r-xp 0 08:01 1 /usr/bin/python3.11\n": false,
	} {
		if got := hasOpenSSL(maps); got != want {
			t.Errorf("%v of %q", got, maps)
		}
	}
}

// TestLibrariesWithGeneratorsOfTheirOwn are told by their files, and others are not.
func TestLibrariesWithGeneratorsOfTheirOwn(t *testing.T) {
	for file, want := range map[string]bool{
		"/p/torch/lib/libtorch_cpu.so": true, "/p/duckdb/duckdb.cpython-311-x86_64-linux-gnu.so": true, "/p/polars/polars.abi3.so": true,
		"/p/onnxruntime/capi/onnxruntime_pybind11_state.so": true, "/p/fastuuid/_fastuuid.abi3.so": true, "/p/fastuuid/fastuuid.abi3.so": true,
		"/p/numpy/random/_mt19937.cpython-311-x86_64-linux-gnu.so": false, "/p/_sqlite3.cpython-311.so": false, "/usr/lib/libc.so.6": false, "/usr/lib/libRmath.so": true,
	} {
		if got := carries(file, ownGenerators, ".so") != ""; got != want {
			t.Errorf("%v of %s", got, file)
		}
	}
}
