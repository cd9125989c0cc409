package registry

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// Two thousand registered functions must leave most of 150 MB of a whole control plane to others.
func TestTwoThousandFunctionsAreSmall(t *testing.T) {
	w := &world{t: t, cfg: Config{Functions: t.TempDir(), Data: t.TempDir(), Log: quiet}}
	for i := range 2000 {
		name := fmt.Sprintf("fn-%04d", i)
		dir := filepath.Join(w.cfg.Functions, name)
		text := fmt.Sprintf("name: %s\nimage: docker.io/library/%s:1\nenv: {A: b, C: d}\nlimits: {memory: 1GiB}\n", name, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, manifestFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := heap()
	begin := time.Now()
	w.open()
	took := time.Since(begin)
	if all, _ := w.List(ctx); len(all) != 2000 {
		t.Fatalf("%d functions", len(all))
	}
	if held := heap() - before; held > 16<<20 {
		t.Errorf("2000 functions hold %d MB", held>>20)
	} else {
		t.Logf("2000 functions: %d KB each, read in %s", held/2000>>10, took)
	}
	if took > 10*time.Second {
		t.Errorf("read in %s", took)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
