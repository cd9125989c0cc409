package rest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// anyRequest is the schema of models that publish none: what every model function has taken from the beginning. Bounds are
// those of any machine; the function knows its own.
//
//go:embed request.json
var anyRequest []byte

// requests keeps compiled schemas by their text, so that one is compiled once, whoever asks.
type requests struct {
	mu  sync.Mutex
	all map[string]*schema.Schema
}

// maxSchemas is how many are kept; models come and go.
const maxSchemas = 256

// of gives the schema of a model's request.
func (q *requests) of(m jobs.Model) (*schema.Schema, error) {
	raw := []byte(m.Schema)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		raw = anyRequest
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if s, ok := q.all[string(raw)]; ok {
		return s, nil
	}
	s, err := schema.Compile(raw)
	if err != nil {
		return nil, fmt.Errorf("the bundle of model %s is of no use, build it anew: %v", m.Name, err) //nolint:errorlint // whose fault it is must not look like the client's
	}
	if len(q.all) >= maxSchemas {
		clear(q.all)
	}
	if q.all == nil {
		q.all = map[string]*schema.Schema{}
	}
	q.all[string(raw)] = s
	return s, nil
}

// documentOf is a model's schema as JSON, for /info.
func documentOf(m jobs.Model) json.RawMessage {
	if len(m.Schema) > 0 {
		return m.Schema
	}
	return anyRequest
}
