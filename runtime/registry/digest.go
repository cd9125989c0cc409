package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// smallFile is up to what size, in bytes, a bundle's file counts by content; larger ones count by name and size, since the
// bundle's own small index holds their digests.
const smallFile = 1 << 20

// hasher makes digests, and remembers those of files that did not change.
type hasher struct {
	mu    sync.Mutex
	files map[string]fileHash
}

type fileHash struct {
	is  identity
	sum string
}

// identity changes whenever a file's content does, or another file is at its path.
type identity struct {
	size, mod int64
	set       int64  // of the inode, which nobody chooses: a copy may have its original's size and time
	dev, ino  uint64 // files that were written or touched together have one time: a link may lead to either. Lost at boot
}

func identityOf(info fs.FileInfo) identity {
	is := identity{size: info.Size(), mod: info.ModTime().UnixNano(), set: setTime(info).UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		is.dev, is.ino = uint64(st.Dev), st.Ino
	}
	return is
}

// setTime is when a file's content or attributes changed last.
func setTime(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return info.ModTime()
}

// tick is more than the steps in which kernels count the times of files: a file that was written twice within one has the
// times of the first.
const tick = 20 * time.Millisecond

// settled is what a file is once its next change would be seen in its times.
func settled(path string, info fs.FileInfo) fs.FileInfo {
	if d := time.Until(setTime(info).Add(tick)); d > 0 && d <= tick {
		time.Sleep(d)
		if now, err := os.Stat(path); err == nil && now.Mode().IsRegular() {
			return now
		}
	}
	return info
}

// digest names what makes an instance of fn: its fields but for those that only steer scaling and routing, and the
// content of the files it points to. Two functions of one digest can share instances. code names those files alone, without
// an image, which has a digest of its own.
func (h *hasher) digest(fn spec.Function) (digest, code string, err error) {
	text, err := json.Marshal(shape(fn))
	if err != nil {
		return "", "", fmt.Errorf("digest of function %s: %w", fn.Name, err)
	}
	whole, files := sha256.New(), &counting{Hash: sha256.New()}
	whole.Write(text)
	sum := io.MultiWriter(whole, files)
	h.layout(whole, fn)
	h.program(sum, fn)
	if fn.Model != nil {
		h.tree(sum, fn.Model.Bundle)
	}
	for _, m := range fn.Mounts {
		if !m.Writable {
			h.mountTree(sum, m.Source)
		}
	}
	if files.n > 0 {
		code = hex.EncodeToString(files.Sum(nil))
	}
	return hex.EncodeToString(whole.Sum(nil)), code, nil
}

// counting is a hash that knows whether it was given anything.
type counting struct {
	hash.Hash
	n int
}

func (c *counting) Write(b []byte) (int, error) {
	c.n += len(b)
	return c.Hash.Write(b)
}

// shape is fn without the fields that an instance does not notice.
func shape(fn spec.Function) spec.Function {
	fn.Written = nil
	fn.Version, fn.Digest, fn.Code, fn.Description, fn.Role = "", "", "", "", ""
	fn.RequestLimit, fn.JobLimit = 0, 0
	fn.KeepAlive, fn.Concurrency, fn.MinInstances, fn.StagedSpares, fn.QueueLimit = 0, 0, 0, 0, 0
	fn.Reserved = nil
	fn.Pin, fn.FreezeIdle, fn.CancelGrace, fn.DeviceMemory = false, false, 0, 0
	fn.Snapshot, fn.SnapshotOn, fn.SnapshotEvent = "", "", ""
	fn.URL, fn.Async, fn.Labels = spec.URL{}, spec.Async{}, nil
	if fn.Model != nil {
		fn.Model = &spec.Model{Bundle: fn.Model.Bundle, Device: fn.Model.Device, Attention: fn.Model.Attention, Engine: fn.Model.Engine, AcceptLicense: fn.Model.AcceptLicense}
	}
	return fn
}

// file adds a file's content; one that is missing counts as such, and is noticed when an instance starts.
func (h *hasher) file(w io.Writer, path string) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		_, _ = fmt.Fprintf(w, "missing %s\n", path)
		return
	}
	_, _ = fmt.Fprintf(w, "file %s %s\n", path, h.content(path, info))
}

func (h *hasher) content(path string, info fs.FileInfo) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.files[path]
	info = settled(path, info)
	if known.sum != "" && known.is == identityOf(info) {
		return known.sum
	}
	f, err := os.Open(path)
	if err != nil {
		return "unreadable"
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "unreadable"
	}
	known = fileHash{identityOf(info), hex.EncodeToString(sum.Sum(nil))}
	h.files[path] = known
	return known.sum
}

// tree adds every file below dir, in the walk's order; what cannot be read counts as missing.
func (h *hasher) tree(w io.Writer, dir string) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			return nil
		}
		if info, err := os.Stat(path); err == nil && info.Size() > smallFile {
			_, _ = fmt.Fprintf(w, "file %s %d\n", path, info.Size())
		} else {
			h.file(w, path)
		}
		return nil
	})
}
