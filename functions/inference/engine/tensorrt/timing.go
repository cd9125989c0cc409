package tensorrt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
)

// Timing is how long each kernel took that a builder tried: a build that knows it from an earlier one takes a fraction of the time.
// TensorRT-RTX tries none.
type Timing struct {
	Earlier []byte   // what an earlier build wrote to Out; none for the first
	Out     *os.File // gets this build's
}

const (
	timingEnding = ".timing"
	timingMark   = "vdxtime1"
	maxTiming    = 1 << 30 // bytes; a few megabytes are usual
)

// timingPath is where what was tried for a GPU lies, in the folder of the plans of one TensorRT: the driver, too, decides how long a
// kernel takes.
func timingPath(dir string, on Target) string {
	id := sha256.Sum256([]byte(on.Name + "\n" + on.Driver))
	return filepath.Join(dir, hex.EncodeToString(id[:6])+timingEnding)
}

// readTiming reads what storeTiming wrote. Nothing there is none; DataLoss: it is not what was written.
func readTiming(path string) ([]byte, error) {
	raw, err := readSmall(path, maxTiming)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read how long kernels took: %w", err)
	}
	head := len(timingMark) + 4
	if len(raw) < head || string(raw[:len(timingMark)]) != timingMark || binary.LittleEndian.Uint32(raw[len(timingMark):]) != crc32.Checksum(raw[head:], castagnoli()) {
		return nil, fmt.Errorf("%s is not what was written there: %w", path, errdefs.ErrDataLoss)
	}
	return raw[head:], nil
}

// storeTiming keeps what a build wrote to out, whole or not at all.
func storeTiming(path string, out *os.File) error {
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	tried, err := io.ReadAll(io.LimitReader(out, maxTiming))
	if err != nil || len(tried) == 0 {
		return err // nothing was tried
	}
	head := binary.LittleEndian.AppendUint32([]byte(timingMark), crc32.Checksum(tried, castagnoli()))
	return storeWhole(path, append(head, tried...))
}

// castagnoli is made with its first use, once for the program.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }
