package guest

import "sync"

// tailSize is what Lambda gives of a log with LogType=Tail, in bytes.
const tailSize = 4 << 10

// tail remembers the end of a log.
type tail struct {
	mu    sync.Mutex
	ring  [tailSize]byte
	total int64 // bytes ever written
}

func (t *tail) write(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if skip := len(p) - tailSize; skip > 0 {
		t.total += int64(skip)
		p = p[skip:]
	}
	for len(p) > 0 {
		n := copy(t.ring[t.total%tailSize:], p)
		t.total += int64(n)
		p = p[n:]
	}
}

// mark gives the place at which the log stands now.
func (t *tail) mark() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// since gives what was written after a mark, at most tailSize bytes of its end.
func (t *tail) since(mark int64) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := max(mark, t.total-tailSize)
	b := make([]byte, 0, t.total-from)
	for ; from < t.total; from++ {
		b = append(b, t.ring[from%tailSize])
	}
	return b
}
