package registry

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAManifestIsThereAtOnce: whoever has written one finds it by name and in the list, however long the quiet time is.
func TestAManifestIsThereAtOnce(t *testing.T) {
	dir := t.TempDir()
	r, err := New(Config{Functions: dir, Data: t.TempDir(), Debounce: time.Hour, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	put := func(name, text string) {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, manifestFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	told := make(chan string, 10)
	r.Subscribe(func(name string) { _, _ = r.List(t.Context()); told <- name }) // as dispatch does: it asks back
	if _, err := r.Get(t.Context(), "a", ""); err == nil {
		t.Fatal("it is there before it is written")
	}
	time.Sleep(glances)
	put("a", "name: a\ncommand: [/bin/true]\n")
	if fn, err := r.Get(t.Context(), "a", ""); err != nil || fn.Name != "a" || <-told != "a" {
		t.Errorf("%+v, %v", fn, err)
	}
	time.Sleep(glances)
	put("b", "name: b\ncommand: [/bin/true]\n")
	put("half", "name: ")
	if all, err := r.List(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("%d functions, %v", len(all), err)
	}
	if len(r.Mistakes()) != 0 {
		t.Error("a manifest that is being written is called wrong")
	}
	var work sync.WaitGroup
	for range 50 {
		work.Go(func() { _, _ = r.Get(t.Context(), "nobody", "") })
	}
	work.Wait()
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
