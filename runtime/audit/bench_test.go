package audit

import (
	"syscall"
	"testing"
	"time"
)

func BenchmarkWrite(b *testing.B) { bench(b, (*Log).Write) }

func BenchmarkSoon(b *testing.B) { bench(b, (*Log).Soon) }

func bench(b *testing.B, write func(*Log, Entry) error) {
	l, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	e := Entry{Time: time.Now(), ID: "871efde0-2fc7-4f53-8cc3-e1717d7704f7", Who: "bench", Kind: "token", From: "127.0.0.1:40000", Method: "POST", Path: "/2015-03-31/functions/bench-auth/invocations", Status: 200}
	b.ReportAllocs()
	before := used(b)
	for b.Loop() {
		if err := write(l, e); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(used(b)-before)/float64(b.N), "cpu-ns/op")
}

// used is this process' CPU time, which says something on a busy machine too.
func used(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
