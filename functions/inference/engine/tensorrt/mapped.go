package tensorrt

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// mappedWeights is the external data of a graph where it lies in its mapped files: TensorRT reads it there.
type mappedWeights struct {
	dir   string
	files map[string][]byte
}

// content is the bytes of an external initializer.
func (m *mappedWeights) content(t *onnx.Tensor) ([]byte, error) {
	x := t.External
	if !filepath.IsLocal(x.Location) {
		return nil, fmt.Errorf("weight %s lies at %q, which is outside the bundle: %w", t.Name, x.Location, errdefs.ErrInvalidArgument)
	}
	file, ok := m.files[x.Location]
	if !ok {
		var err error
		if file, err = mapFile(filepath.Join(m.dir, x.Location)); err != nil {
			return nil, err
		}
		m.files[x.Location] = file
	}
	if x.Length != t.Bytes() || x.Offset < 0 || x.Offset > int64(len(file))-x.Length {
		return nil, fmt.Errorf("weight %s should be %d bytes at %d of %s, which has %d: %w", t.Name, t.Bytes(), x.Offset, x.Location, len(file), errdefs.ErrInvalidArgument)
	}
	return file[x.Offset : x.Offset+x.Length], nil
}

func mapFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open weights: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil, err
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	return data, nil
}

func (m *mappedWeights) close() {
	for _, data := range m.files {
		if data != nil {
			_ = unix.Munmap(data) // of a whole mapping of ours: cannot fail
		}
	}
}
