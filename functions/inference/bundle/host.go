package bundle

// host counts what an instance takes on the CPU of memory of its own. Its weights are mapped files: pages that the kernel gives
// back when it needs them, and for which it kills nobody. What counts is what is written: activations, the results that are fetched
// into Go's memory, and what the process takes beside.
type host struct {
	beside func(c ClipSize) int64 // Model.Beside
}

// aside is what is taken for a clip whatever stage runs.
func (h *host) aside(c ClipSize) int64 {
	if h.beside == nil {
		return 0
	}
	return h.beside(c)
}

// takes is what a stage takes: the engine's pool has buffers up to a quarter larger than what lies in them, and results are there
// once more in Go's memory, and again until it is collected.
func (*host) takes(activations, results int64) int64 { return activations + activations/4 + 2*results }

// left is what activations may take of so many bytes, the other way round.
func (*host) left(bytes, results int64) int64 { return (bytes - 2*results) / 5 * 4 }
