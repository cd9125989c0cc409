package families

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestPackagesDoLittleAtTheStart: a function's first answer waits for what its packages do before main. The test runs its own program,
// which has all that any of the functions has, with nothing to do, and reads what the Go runtime tells of each package's initialisation.
func TestPackagesDoLittleAtTheStart(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err, string(out))
	}
	const most = 200 // a regular expression has about 60
	told := 0
	for line := range strings.Lines(string(out)) {
		var name string
		var at, took float64
		var bytes, times int
		if n, _ := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes, %d allocs", &name, &at, &took, &bytes, &times); n < 5 {
			continue
		}
		told++
		if strings.HasPrefix(name, "github.com/videosdgx/") && times > most {
			t.Errorf("%s makes %d values of %d bytes in all at the start, %d at most: make them with their first use", name, times, bytes, most)
		}
	}
	if told < 10 {
		t.Fatalf("the runtime told of %d packages: %s", told, out)
	}
}
