package loras

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/schema"
)

// LoRA is one that a build is given.
type LoRA struct {
	Path      string // of its file
	Component string // of the model, that it is for; "": its file says it
	Strength  float64
}

// find gives what LoRAs of a request make of a base, by their contents, and where they lie. Those at strength 0 are left out.
func (m *Merger) find(ctx context.Context, base *weights.Manifest, asked []askedLoRA) (d weights.Derived, loras []LoRA, err error) {
	d.Base = base.Digest
	for i, a := range asked {
		l, err := m.content(ctx, i, a)
		if err != nil {
			return d, nil, err
		}
		if l.Strength != 0 {
			d.LoRAs = append(d.LoRAs, l)
			loras = append(loras, LoRA{m.path(a.Name), a.Component, l.Strength})
		}
	}
	if len(loras) == 0 {
		return d, nil, errNoStrength
	}
	d.Sort()
	return d, loras, nil
}

func (m *Merger) path(name string) string {
	return filepath.Join(m.models, lorasName, name+".safetensors")
}

// content is what the LoRA that a request names is by now.
func (m *Merger) content(ctx context.Context, i int, a askedLoRA) (l weights.LoRA, err error) {
	l = weights.LoRA{Name: a.Name, Strength: a.strength(), Component: a.Component}
	path := m.path(a.Name)
	f, err := m.open(i, a)
	if errdefs.IsInvalidArgument(err) {
		return l, err
	}
	if err == nil {
		defer f.Close()
		l.Digest, err = m.digest(ctx, path, f)
	}
	if err == nil {
		l.Beside, err = weights.BesideDigest(path)
	}
	switch {
	case err == nil:
		return l, nil
	case errdefs.IsUnavailable(err):
		return l, soon(fmt.Sprintf("LoRA %s is being written to: ask again when that is done", a.Name))
	case ctx.Err() != nil:
		return l, context.Cause(ctx)
	}
	m.log.Error("a LoRA cannot be read", "lora", path, "error", err)
	return l, fmt.Errorf("LoRA %s cannot be read: the server's log says why", a.Name)
}

// open opens the file of the LoRA that a request names; InvalidArgument says that there is none.
func (m *Merger) open(i int, a askedLoRA) (*os.File, error) {
	f, err := weights.OpenRegular(m.path(a.Name))
	var other *weights.FormatError
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENAMETOOLONG) || errors.As(err, &other) {
		return nil, refused(fmt.Sprintf("loras[%d]: there is no LoRA %q: %s.", i, schema.Show(a.Name), m.have()))
	}
	return f, err
}

// digested is a file's digest in a state. One that had just changed may change again within the same tick of the clock, so that
// its state says nothing.
type digested struct {
	state   weights.FileState
	digest  string
	settled bool
}

// settling is after what time without a change a file's state stands for its content: more than the ticks of any file system.
const settling = 2 * time.Second

// digest hashes a file once while it stays what it is, one file at a time.
func (m *Merger) digest(ctx context.Context, path string, f *os.File) (string, error) {
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	if d, ok := m.known(path, weights.StateOf(st)); ok {
		return d, nil
	}
	select {
	case m.hashing <- struct{}{}:
		defer func() { <-m.hashing }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if d, ok := m.known(path, weights.StateOf(st)); ok {
		return d, nil
	}
	begin := time.Now()
	digest, state, err := weights.Digest(ctx, f)
	if err != nil {
		return "", err
	}
	quiet := begin.Add(-settling).UnixNano()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.digests[path] = digested{state, digest, state.Wrote < quiet && state.Changed < quiet}
	return digest, nil
}

func (m *Merger) known(path string, state weights.FileState) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.digests[path]
	return d.digest, ok && d.settled && d.state == state
}

// Names are those of the LoRAs in the folder of models, which requests may name: regular files, or links to some.
func Names(models string) (names []string) {
	entries, _ := os.ReadDir(filepath.Join(models, lorasName)) // none, if it is not there
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".safetensors")
		if ok && name != "" && !strings.HasPrefix(name, ".") && weights.IsRegular(filepath.Join(models, lorasName, e.Name())) {
			names = append(names, name)
		}
	}
	return names
}

// mostTold is how many LoRAs a sentence names.
const mostTold = 20

// have says which LoRAs there are.
func (m *Merger) have() string {
	names := Names(m.models)
	switch n := len(names); {
	case n == 0:
		return "none are there"
	case n > mostTold:
		return fmt.Sprintf("%s and %d more would do", strings.Join(names[:mostTold], ", "), n-mostTold)
	}
	return strings.Join(names, ", ") + " would do"
}
