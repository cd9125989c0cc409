package registry

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// written is a registry whose watcher never comes, and what writes manifests below it.
func written(t *testing.T) (*Registry, func(dir, text string)) {
	t.Helper()
	dir := t.TempDir()
	r, err := New(Config{Functions: dir, Data: t.TempDir(), Debounce: time.Hour, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, func(name, text string) {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, manifestFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAManifestIsThereAtOnce: whoever has written one finds it by name and in the list, however long the quiet time is, how
// often others ask, and whatever the subscribers do.
func TestAManifestIsThereAtOnce(t *testing.T) {
	r, put := written(t)
	told := make(chan string, 100)
	r.Subscribe(func(name string) { // as dispatch and ports do: they ask back, and wait for who asks
		_, _ = r.List(t.Context())
		asked := make(chan struct{})
		go func() { defer close(asked); _, _ = r.Get(t.Context(), "nobody", "") }()
		_, _ = r.Get(t.Context(), "nobody", "")
		<-asked
		told <- name
	})
	if _, err := r.Get(t.Context(), "a", ""); err == nil {
		t.Fatal("it is there before it is written")
	}
	put("a", "name: a\ncommand: [/bin/true]\n")
	if fn, err := r.Get(t.Context(), "a", ""); err != nil || fn.Name != "a" || <-told != "a" {
		t.Errorf("%+v, %v", fn, err)
	}
	put("b", "name: b\ncommand: [/bin/true]\n")
	put("half", "name: ")
	r.Look()
	if all, err := r.List(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("%d functions, %v", len(all), err)
	}
	if len(r.Mistakes()) != 0 {
		t.Error("a manifest that is being written is called wrong")
	}
}

// TestAManifestIsThereForAll who ask at once, of one or of many, while functions are changed.
func TestAManifestIsThereForAll(t *testing.T) {
	r, put := written(t)
	var work sync.WaitGroup
	for range 20 {
		work.Go(func() { _, _ = r.Get(t.Context(), "nobody", "") })
	}
	for i := range 20 {
		name := "f" + strconv.Itoa(i)
		work.Go(func() {
			put(name, "name: "+name+"\ncommand: [/bin/true]\n")
			if _, err := r.Publish(t.Context(), name, ""); err != nil {
				t.Error(err)
			}
			if _, err := r.Get(t.Context(), name, "1"); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
}

// TestAManifestThatIsBeingRead: who asks while the watcher reads it waits for that.
func TestAManifestThatIsBeingRead(t *testing.T) {
	r, put := written(t)
	put("a", "name: a\ncommand: [/bin/true]\n")
	r.write.Lock()
	found := make(chan error)
	go func() {
		_, err := r.Get(t.Context(), "a", "")
		found <- err
	}()
	select {
	case err := <-found:
		t.Errorf("it did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	now := r.read("a", nil)
	r.keep("a", nil, now)
	r.apply("a", nil, now)
	r.write.Unlock()
	if err := <-found; err != nil {
		t.Error(err)
	}
}

// TestAManifestThatWasAnothers: one that is mended, or has a new name, is there at once as well; one that says something
// else of the same function waits until nobody writes any more.
func TestAManifestThatWasAnothers(t *testing.T) {
	r, put := written(t)
	put("a", "name: a\ncommand: [/bin/true]\nconcurency: 3\n")
	r.reload("a")
	if _, err := r.Get(t.Context(), "a", ""); err == nil || !strings.Contains(err.Error(), "concurency") {
		t.Fatal(err)
	}
	put("a", "name: a\ncommand: [/bin/true]\nconcurrency: 3\n")
	if fn, err := r.Get(t.Context(), "a", ""); err != nil || fn.Concurrency != 3 {
		t.Errorf("%+v, %v", fn, err)
	}
	put("a", "name: other\ncommand: [/bin/true]\n")
	if _, err := r.Get(t.Context(), "other", ""); err != nil {
		t.Error(err)
	}
	if _, err := r.Get(t.Context(), "a", ""); err == nil {
		t.Error("the old name is still there")
	}
	put("a", "name: other\ncommand: [/bin/true]\nconcurrency: 2\n")
	r.Look()
	if fn, err := r.Get(t.Context(), "other", ""); err != nil || fn.Concurrency == 2 {
		t.Errorf("%+v, %v", fn, err)
	}
}

// TestBrokenManifestsAreListed: one that was never right has no function, and is seen all the same.
func TestBrokenManifestsAreListed(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "bad"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad", manifestFile), []byte("name: bad\nconcurency: 3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{Functions: dir, Data: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if all := r.Broken(); len(all) != 1 || all[0].Function.Name != "bad" || !strings.Contains(all[0].Fault, "concurency") {
		t.Errorf("%+v", all)
	}
}
