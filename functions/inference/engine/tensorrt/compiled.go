package tensorrt

/*
#include <stdlib.h>
#include "bind.h"
*/
import "C"

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"unsafe"
)

// compiledEnding ends the name of what TensorRT-RTX has compiled of a plan for one GPU and driver: a cache beside the plan, without
// which it is compiled again.
const compiledEnding = ".compiled"

// maxCompiled bounds what is read of it, in bytes: kernels of a plan are some megabytes.
const maxCompiled = 1 << 30

// DriverVersion is the version of the NVIDIA driver that is loaded, "" where there is none.
func DriverVersion() string {
	raw, err := os.ReadFile("/sys/module/nvidia/version")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// compiledPath is where what was compiled of the plan at path for a GPU under a driver lies.
func compiledPath(path, gpu, driver string) string {
	sum := sha256.Sum256([]byte(gpu + "\n" + driver))
	return path + "." + hex.EncodeToString(sum[:6]) + compiledEnding
}

// compiled reads what was compiled before; nothing where it cannot be read.
func (s *session) compiled() []byte {
	raw, err := readSmall(compiledPath(s.path, s.d.name(), DriverVersion()), maxCompiled)
	if err != nil {
		return nil
	}
	s.kept = raw
	return raw
}

// keepCompiled writes what the plan has compiled beside it, when that is new. A folder that cannot be written costs the next start
// its time and nothing else.
func (s *session) keepCompiled() {
	before, raw := s.kept, s.takeCompiled()
	if s.kept = raw; raw == nil {
		s.kept = []byte{} // nothing was compiled: it is not asked again
	}
	if len(raw) > 0 && !bytes.Equal(raw, before) {
		_ = storeWhole(compiledPath(s.path, s.d.name(), DriverVersion()), raw)
	}
}

func (s *session) takeCompiled() []byte {
	if s.plan == nil {
		return nil
	}
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	var data *C.char
	var n C.uint64_t
	var w why
	text, size := w.at()
	if C.bind_compiled(s.lib.shim, s.plan, &data, &n, text, size) != C.VDX_TRT_OK || data == nil {
		return nil
	}
	defer C.bind_text_free(s.lib.shim, data)
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(data)), int(n)))
}

// storeWhole writes a file whole or not at all.
func storeWhole(path string, raw []byte) error {
	out, err := os.CreateTemp(filepath.Dir(path), partialPrefix+"*")
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err = out.Write(raw); err == nil {
		err = keep(out, path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(out.Name()))
	}
	return err
}
