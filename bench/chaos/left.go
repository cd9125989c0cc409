package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// left lists what an orderly stop has not taken away. Processes that were just told to end get two seconds.
func (t things) left(ctx context.Context) ([]string, error) {
	var all []string
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end) && len(t.find("")) > 0 && ctx.Err() == nil; {
		time.Sleep(20 * time.Millisecond)
	}
	for _, p := range t.find("") {
		all = append(all, fmt.Sprintf("process %d: %s", p.pid, p.text))
	}
	all = append(all, t.mounts()...)
	all = append(all, t.cgroups()...)
	for _, dir := range []string{filepath.Join(t.data, "run"), filepath.Join(t.data, "process"), t.state} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			all = append(all, "folder or file "+filepath.Join(dir, e.Name()))
		}
	}
	containers, err := t.containers()
	return append(all, containers...), err
}

// mounts include network namespaces, which are kept by mounting them.
func (t things) mounts() (left []string) {
	b, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, t.data+"/") || strings.Contains(line, t.state) {
			left = append(left, "mount "+strings.TrimSpace(line))
		}
	}
	return left
}

func (t things) cgroups() (left []string) {
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), t.owner+".") {
			left = append(left, "cgroup "+path)
		}
		return nil // what vanishes meanwhile is no leak
	})
	return left
}

// containers reads the private containerd's own records, in which a task cannot be without its container.
func (t things) containers() (left []string, err error) {
	file := filepath.Join(t.data, "containerd", "containerd", "io.containerd.metadata.v1.bolt", "meta.db")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil // the driver was not containerd
	}
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{ReadOnly: true, Timeout: 5 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("containerd's records: %w", err)
	}
	defer db.Close()
	return left, db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("v1"))
		for _, name := range []string{"videosdgx", "containers"} {
			if b != nil {
				b = b.Bucket([]byte(name))
			}
		}
		if b == nil {
			return nil
		}
		return b.ForEach(func(id, _ []byte) error { left = append(left, "container "+string(id)); return nil })
	})
}
