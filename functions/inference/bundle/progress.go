package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// progress adds up what is written and what is hashed.
type progress struct {
	tell  func(done, total int64)
	total int64 // of weights
	done  int64
	seen  map[string]bool
}

func newProgress(all []built, tell func(done, total int64)) *progress {
	p := &progress{tell: tell, seen: map[string]bool{}}
	names := map[string]bool{}
	for _, b := range all {
		for i := range b.model.Graph.Initializers {
			if t := &b.model.Graph.Initializers[i]; t.Content != nil && !names[t.Name] {
				names[t.Name] = true
				p.total += t.Bytes()
			}
		}
	}
	return p
}

func (p *progress) wrote(name string, bytes int64) {
	if p.seen[name] {
		return
	}
	p.seen[name] = true
	p.done += bytes
	if p.tell != nil {
		p.tell(p.done, 2*p.total)
	}
}

func (p *progress) hashed(done, total int64) {
	if p.tell != nil {
		p.tell(p.total+done, p.total+total)
	}
}

// resumeKey stands for everything that the bytes of a build depend on; it is empty when the checkpoint has no identity.
func resumeKey(r Recipe, o Options, all []built) string {
	if r.Identity == "" {
		return ""
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	fmt.Fprintln(h, "1", r.Identity, r.Family, o.Precision, o.Activations)
	for _, b := range all {
		_ = enc.Encode(b.name) // a hash takes everything
		for i := range b.model.Graph.Initializers {
			t := &b.model.Graph.Initializers[i]
			_ = enc.Encode([]any{t.Name, t.Type, t.Dims})
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
