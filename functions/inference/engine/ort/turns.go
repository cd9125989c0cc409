package ort

import (
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// turns keep recordings apart from everything else that the process does on GPUs: while one is made, an allocation on any of its
// threads would fail, and take the recording with it.
type turns struct{ mu sync.RWMutex }

// with calls f, alone when it may make a recording. What runs on the CPU waits for nobody.
func (t *turns) with(d engine.Device, alone bool, f func() error) error {
	switch {
	case d.Host():
	case alone:
		t.mu.Lock()
		defer t.mu.Unlock()
	default:
		t.mu.RLock()
		defer t.mu.RUnlock()
	}
	return f()
}
