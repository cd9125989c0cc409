package spec

import (
	"encoding/json"
	"fmt"
)

// plain is a function whose durations and sizes have one form each.
type plain Function

// written is the JSON of a function whose durations and sizes stand as somebody wrote them: its fields hide those of plain.
type written struct {
	plain
	Timeout      string        `json:"timeout"`
	InitTimeout  string        `json:"initTimeout"`
	KeepAlive    string        `json:"keepAlive"`
	CancelGrace  string        `json:"cancelGrace"`
	DeviceMemory string        `json:"deviceMemory"`
	Limits       writtenLimits `json:"limits"`
	URL          writtenURL    `json:"url"`
	Async        writtenAsync  `json:"async"`
}

type writtenLimits struct {
	Limits
	Memory  string `json:"memory"`
	Scratch string `json:"scratch"`
	Payload string `json:"payload"`
}

type writtenURL struct {
	URL
	CORS *writtenCORS `json:"cors,omitempty"`
}

type writtenCORS struct {
	CORS
	MaxAge string `json:"maxAge,omitempty"`
}

type writtenAsync struct {
	Async
	MaxAge string `json:"maxAge,omitempty"`
}

// MarshalJSON writes durations and sizes as Written has them.
func (f Function) MarshalJSON() ([]byte, error) {
	if len(f.Written) == 0 {
		return json.Marshal(plain(f))
	}
	w := written{
		plain: plain(f), Timeout: f.unit("timeout", f.Timeout), InitTimeout: f.unit("initTimeout", f.InitTimeout),
		KeepAlive: f.unit("keepAlive", f.KeepAlive), CancelGrace: f.unit("cancelGrace", f.CancelGrace),
		DeviceMemory: f.unit("deviceMemory", f.DeviceMemory),
		Limits: writtenLimits{
			f.Limits, f.unit("limits.memory", f.Limits.Memory), f.unit("limits.scratch", f.Limits.Scratch), f.unit("limits.payload", f.Limits.Payload),
		},
		URL: writtenURL{URL: f.URL}, Async: writtenAsync{Async: f.Async},
	}
	if f.Async.MaxAge != 0 {
		w.Async.MaxAge = f.unit("async.maxAge", f.Async.MaxAge)
	}
	if c := f.URL.CORS; c != nil {
		w.URL.CORS = &writtenCORS{CORS: *c}
		if c.MaxAge != 0 {
			w.URL.CORS.MaxAge = f.unit("url.cors.maxAge", c.MaxAge)
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads a function, and how its durations and sizes were written.
func (f *Function) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, (*plain)(f)); err != nil {
		return err
	}
	var w written
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	f.Written = nil
	f.Wrote("timeout", w.Timeout, f.Timeout)
	f.Wrote("initTimeout", w.InitTimeout, f.InitTimeout)
	f.Wrote("keepAlive", w.KeepAlive, f.KeepAlive)
	f.Wrote("cancelGrace", w.CancelGrace, f.CancelGrace)
	f.Wrote("deviceMemory", w.DeviceMemory, f.DeviceMemory)
	f.Wrote("limits.memory", w.Limits.Memory, f.Limits.Memory)
	f.Wrote("limits.scratch", w.Limits.Scratch, f.Limits.Scratch)
	f.Wrote("limits.payload", w.Limits.Payload, f.Limits.Payload)
	f.Wrote("async.maxAge", w.Async.MaxAge, f.Async.MaxAge)
	if w.URL.CORS != nil {
		f.Wrote("url.cors.maxAge", w.URL.CORS.MaxAge, f.URL.CORS.MaxAge)
	}
	return nil
}

// Wrote notes how the duration or size of a field, named by its dotted path, was written; not where that is the usual form.
func (f *Function) Wrote(path, text string, v fmt.Stringer) {
	if text == "" || text == v.String() {
		return
	}
	if f.Written == nil {
		f.Written = map[string]string{}
	}
	f.Written[path] = text
}

// unit is the text of a duration or size: as it was written, while that still is its value.
func (f Function) unit(path string, v fmt.Stringer) string {
	text, ok := f.Written[path]
	if !ok {
		return v.String()
	}
	same := false
	switch v := v.(type) {
	case Duration:
		var d Duration
		same = d.UnmarshalText([]byte(text)) == nil && d == v
	case Bytes:
		var b Bytes
		same = b.UnmarshalText([]byte(text)) == nil && b == v
	}
	if same {
		return text
	}
	return v.String()
}
