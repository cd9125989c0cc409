package criu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

func log(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "restore.log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFaultTellsItsClass(t *testing.T) {
	const harmless = "(00.006515) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n"
	for text, want := range map[string]error{
		"(00.1) Error (criu/util.c:637): Can't write: No space left on device\n": errdefs.ErrResourceExhausted,
		"(00.1) Error (criu/protobuf.c:72): Unexpected EOF on core-1.img\n":      errdefs.ErrDataLoss,
		"(00.1) Error (criu/sk-inet.c:9): mptcp is not supported\n":              errdefs.ErrNotImplemented,
		"(00.1) Error (criu/cr-restore.c:1): Restoring FAILED.\n":                errdefs.ErrInternal,
		"(00.1) all is well\n": errdefs.ErrAborted,
		"(00.1) Error (criu/namespaces.c:1310): uns: recv req error: No such file or directory\n": errdefs.ErrAborted,
	} {
		err := Fault(log(t, harmless+text))
		if !errors.Is(err, want) || strings.Contains(err.Error(), "RLIMIT") {
			t.Errorf("%q: %v, not %v", text, err, want)
		}
	}
	if err := Fault(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "no log") {
		t.Errorf("without a log: %v", err)
	}
}

func TestInFlight(t *testing.T) {
	const line = "(00.1) Error (criu/sk-inet.c:185): inet: In-flight connection (l)\n"
	if !IsInFlight(fmt.Errorf("dump: %w", Fault(log(t, line)))) {
		t.Error("a connection on its way is not seen")
	}
	if IsInFlight(Fault(log(t, "(00.1) Error (criu/cr-dump.c:1975): Dumping FAILED.\n"))) || IsInFlight(nil) {
		t.Error("a connection on its way is seen where there is none")
	}
}

func TestTookIsTheLastTime(t *testing.T) {
	d, err := Took(log(t, strings.Repeat("(00.000001) x\n", 1000)+"(01.612177) Restore finished\n\tRPC\n"))
	if err != nil || d != 1612177*time.Microsecond {
		t.Errorf("%v, %v", d, err)
	}
	if _, err := Took(log(t, "nothing\n")); !errdefs.IsNotFound(err) {
		t.Errorf("without times: %v", err)
	}
}

func TestOlder(t *testing.T) {
	for _, v := range []string{"", "3.17", "4.1.9", "4"} {
		if !Older(v, Oldest) {
			t.Errorf("%q should be older", v)
		}
	}
	for _, v := range []string{"4.2", "4.2.1", "4.10", "5"} {
		if Older(v, Oldest) {
			t.Errorf("%q should not be older", v)
		}
	}
}

// TestProbe runs programs that answer as CRIUs do.
func TestProbe(t *testing.T) {
	for script, want := range map[string]string{
		"echo Version: 4.2.1":  "",
		"echo Version: 3.17.1": "too old",
		"[ $1 = --version ] && echo Version: 5.0 && exit; echo '(00.1) Error (criu/x.c:1): no vDSO'; exit 1": "(criu/x.c:1): no vDSO",
		"exit 3": "does not run",
	} {
		path := filepath.Join(t.TempDir(), "criu")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		c := Probe(t.Context(), path)
		if c.OK != (want == "") || !strings.Contains(c.Reason, want) || c.OK != (c.Fix == "") {
			t.Errorf("%s: %+v", script, c)
		}
	}
}

func FuzzLog(f *testing.F) {
	f.Add("(00.1) Error (x): y\n(1e99) z")
	f.Fuzz(func(t *testing.T, text string) {
		for line := range strings.Lines(text) {
			if d, ok := stamp(line); ok && d < 0 {
				t.Errorf("%q is %v", line, d)
			}
		}
		faults(strings.NewReader(text))
	})
}
