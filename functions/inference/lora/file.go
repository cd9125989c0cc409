package lora

import (
	"context"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// File is an open LoRA. Its methods may be called from several goroutines.
type File struct {
	f       *weights.File
	modules map[string]*module // by the name that the file gives, without prefix and suffix
	alphas  adapters
}

// module is what a file holds of one layer; each field is a tensor of the file, "" for none.
type module struct {
	layout         Layout // that the names say
	down, up       string
	upBias         string // lora_B.bias: a change of the bias under the same scale
	alpha          string
	diff, diffBias string
}

// Open reads the header of a LoRA in a safetensors file and sorts its tensors by module. Weights are not read.
func Open(path string) (*File, error) {
	if partOf().MatchString(filepath.Base(path)) {
		return nil, Refuse(path, "is a part of a LoRA that lies in several files: join them into one safetensors file")
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, asFault(path, err)
	}
	l := &File{f: f, modules: map[string]*module{}}
	if err := l.sort(); err != nil {
		f.Close()
		return nil, asFault(path, err)
	}
	return l, nil
}

// partOf finds the names of the parts of what was written to several files, and of the index of them.
var partOf = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\.index\.json$|-\d{5}-of-(\d{4}[2-9]|\d{3}[1-9]\d|\d\d[1-9]\d\d|\d[1-9]\d{3}|[1-9]\d{4})\.safetensors$`)
})

func (l *File) sort() (err error) {
	if l.alphas, err = readAdapters(l.f); err != nil {
		return err
	}
	for _, name := range l.f.Names() {
		if err := l.add(name); err != nil {
			return err
		}
	}
	if len(l.modules) == 0 {
		return l.bad("holds no LoRA: it has %d tensors and none of them is a low-rank factor", len(l.f.Names()))
	}
	for _, name := range l.Modules() {
		if m := l.modules[name]; (m.down == "") != (m.up == "") {
			have, want := "down (A)", "up (B)"
			if m.down == "" {
				have, want = want, have
			}
			return l.bad("has the %s factor of %s and not the %s factor: it is incomplete, fetch it again", have, name, want)
		} else if m.down == "" && m.diff == "" && m.diffBias == "" {
			return l.bad("has an alpha of %s and no factors: it is incomplete, fetch it again", name)
		}
	}
	return nil
}

// bad is a Fault that begins with the file's name.
func (l *File) bad(format string, args ...any) error { return Refuse(l.Path(), format, args...) }

// Path is the file's path.
func (l *File) Path() string { return l.f.Path() }

// Modules are the names that the file gives to the layers it changes, sorted.
func (l *File) Modules() []string { return slices.Sorted(maps.Keys(l.modules)) }

// Metadata is the header's __metadata__.
func (l *File) Metadata() map[string]string { return l.f.Metadata() }

// Ranks are the ranks that occur, sorted, each once.
func (l *File) Ranks() []int64 {
	all := map[int64]bool{}
	for _, m := range l.modules {
		if info, err := l.f.Info(m.down); err == nil && len(info.Shape) > 0 {
			all[info.Shape[0]] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Bytes is the size of its tensors.
func (l *File) Bytes() (n int64) {
	for _, name := range l.f.Names() {
		if info, err := l.f.Info(name); err == nil {
			n += info.Size
		}
	}
	return n
}

// Identity is what the LoRA is by content: the digest of its file as it is open, and of the files beside it, "" without any.
func (l *File) Identity(ctx context.Context) (digest, beside string, err error) {
	if digest, err = l.f.Digest(ctx); err == nil {
		beside, err = weights.BesideDigest(l.Path())
	}
	if errdefs.IsUnavailable(err) {
		return "", "", Changing(l.Path())
	}
	return digest, beside, asFault(l.Path(), err)
}

// Close closes the file.
func (l *File) Close() error { return l.f.Close() }
