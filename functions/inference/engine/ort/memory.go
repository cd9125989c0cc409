package ort

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"sync"
	"unsafe"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// memories are the library's descriptions of where tensors lie, one for each device; they live as long as the process.
type memories struct {
	mu sync.Mutex
	of map[engine.Device]*C.OrtMemoryInfo
}

func (m *memories) get(d engine.Device) (*C.OrtMemoryInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.Host() {
		d = engine.Device{}
	}
	if info := m.of[d]; info != nil {
		return info, nil
	}
	name := C.CString(memoryName(d))
	defer C.free(unsafe.Pointer(name))
	var info *C.OrtMemoryInfo
	if err := check(C.ort_memory(name, C.int(d.Index), &info)); err != nil {
		return nil, err
	}
	if m.of == nil {
		m.of = map[engine.Device]*C.OrtMemoryInfo{}
	}
	m.of[d] = info
	return info, nil
}

// memoryName is what the library calls a device's memory.
func memoryName(d engine.Device) string {
	if d.Kind == engine.CUDA {
		return "Cuda"
	}
	return "Cpu"
}
