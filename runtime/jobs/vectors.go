package jobs

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// vectors keeps what models' text encoders have made of prompts, as files, so that a prompt is read once. A vector that is not there is
// made again: losing some costs time.
type vectors struct {
	dir  string
	most int64 // bytes that the files may have together

	mu    sync.Mutex
	files map[string]*list.Element
	order *list.List // of vectorFile, the latest used first
	bytes int64
}

type vectorFile struct {
	name string
	size int64
}

// Bounds of a vector's length, and what all may have together on the disk.
const (
	maxDimensions  = 32 << 10
	maxVectorBytes = 512 << 20
)

// vectorDir is their folder below that of the outputs.
const vectorDir = ".prompts"

var vectorForm = regexp.MustCompile(`^[0-9a-f]{64}\.f32$`)

// vectorName is that of a prompt's vector: another bundle or version has others.
func vectorName(identity, prompt string) string {
	sum := sha256.Sum256([]byte(identity + "\x00" + prompt))
	return hex.EncodeToString(sum[:]) + ".f32"
}

func openVectors(dir string, most int64) (*vectors, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of prompts' vectors: %w", err)
	}
	v := &vectors{dir: dir, most: most, files: map[string]*list.Element{}, order: list.New()}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the folder of prompts' vectors: %w", err)
	}
	var found []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && vectorForm.MatchString(e.Name()) && info.Mode().IsRegular() {
			found = append(found, info)
		}
	}
	slices.SortFunc(found, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range found {
		v.note(info.Name(), info.Size())
	}
	return v, nil
}

// note takes a file in as the latest; the caller holds v.mu, or nobody else knows v.
func (v *vectors) note(name string, size int64) {
	if e := v.files[name]; e != nil {
		v.forget(e)
	}
	v.files[name] = v.order.PushFront(vectorFile{name, size})
	v.bytes += size
}

func (v *vectors) forget(e *list.Element) {
	f := v.order.Remove(e).(vectorFile)
	delete(v.files, f.name)
	v.bytes -= f.size
}

// get gives a vector; nil: it is not there.
func (v *vectors) get(name string) []float32 {
	v.mu.Lock()
	if e := v.files[name]; e != nil {
		v.order.MoveToFront(e)
	}
	v.mu.Unlock()
	b, err := os.ReadFile(filepath.Join(v.dir, name)) // also one that another node has put there
	if err != nil {
		return nil
	}
	out, err := vectorOf(b)
	if err != nil {
		return nil
	}
	return out
}

// put keeps a vector, and drops those that were not used for longest where there are too many.
func (v *vectors) put(name string, b []byte) error {
	if err := atomicfile.Write(filepath.Join(v.dir, name), b, 0o600); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.note(name, int64(len(b)))
	var err error
	for v.bytes > v.most && v.order.Len() > 1 {
		e := v.order.Back()
		err = errors.Join(err, removeIfThere(filepath.Join(v.dir, e.Value.(vectorFile).name)))
		v.forget(e)
	}
	return err
}

func (v *vectors) size() (n int, bytes int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.order.Len(), v.bytes
}

// vectorOf reads float32 in little endian and holds them to be a vector of length 1.
func vectorOf(b []byte) ([]float32, error) {
	if len(b) == 0 || len(b)%4 != 0 || len(b) > 4*maxDimensions {
		return nil, fmt.Errorf("a vector of %d bytes: 4 to %d, four for each value, would do: %w", len(b), 4*maxDimensions, errdefs.ErrInvalidArgument)
	}
	out := make([]float32, len(b)/4)
	sum := 0.0
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		sum += float64(out[i]) * float64(out[i])
	}
	if !(math.Abs(sum-1) < 1e-3) { // also what is not a number
		return nil, fmt.Errorf("a vector of length %.4g: it must be 1: %w", math.Sqrt(sum), errdefs.ErrInvalidArgument)
	}
	return out, nil
}

// likeness is the cosine of two vectors of length 1; 0 where they are of different kinds.
func likeness(a, b []float32) float64 {
	if len(a) != len(b) {
		return 0
	}
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return min(1, sum)
}
