package loras

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// askedLoRA is one of a request's loras.
type askedLoRA struct {
	Name      string   `json:"name"`
	Strength  *float64 `json:"strength"`
	Component string   `json:"component"`
}

// strength is what is said, or as much as there is.
func (a askedLoRA) strength() float64 {
	if a.Strength == nil {
		return 1
	}
	return *a.Strength
}

// requestOf is the request in an event that may ask for LoRAs: the event itself, or the body of a URL's POST; nil for any other.
func requestOf(payload []byte) []byte {
	if !bytes.Contains(payload, []byte(lorasName)) && !bytes.Contains(payload, []byte(`"isBase64Encoded":true`)) {
		return nil
	}
	if body := Request(payload); bytes.Contains(body, []byte(lorasName)) {
		return body
	}
	return nil
}

// Request is the request in an event: the event itself, or the body of a URL's POST; nil for any other.
func Request(payload []byte) []byte {
	var event struct {
		Body    string `json:"body"`
		Base64  bool   `json:"isBase64Encoded"`
		Path    string `json:"rawPath"`
		Context struct {
			HTTP struct{ Method string } `json:"http"`
		} `json:"requestContext"`
	}
	if json.Unmarshal(payload, &event) != nil || event.Context.HTTP.Method == "" {
		return payload // as functions tell the two apart
	}
	if event.Context.HTTP.Method != "POST" || event.Path == "/embed" {
		return nil
	}
	body := []byte(event.Body)
	if event.Base64 {
		var err error
		if body, err = base64.StdEncoding.DecodeString(event.Body); err != nil {
			return nil
		}
	}
	return body
}

// loraSchema is what loras are to any model: each says more in the schema of its own requests.
const loraSchema = `{"type":"object","properties":{"loras":{"type":"array","maxItems":8,"items":{"type":"object","required":["name"],"additionalProperties":false,
 "properties":{"name":{"type":"string","description":"that of a file in the folder of LoRAs"},"strength":{"type":"number","minimum":-10,"maximum":10},"component":{"type":"string"}}}}}}`

// schemas holds requests with LoRAs to what is said of them.
type schemas struct {
	loras *schema.Schema

	mu    sync.Mutex
	known map[string]*schema.Schema // of models' requests, by the digest of their bundle
}

func newSchemas() *schemas {
	s, err := schema.Compile([]byte(loraSchema))
	if err != nil {
		panic(err) // a constant
	}
	return &schemas{loras: s, known: map[string]*schema.Schema{}}
}

// asked are the LoRAs that a request to a model asks for: none where the request cannot be done anyhow. An error says what is
// wrong with them.
func (s *schemas) asked(man *weights.Manifest, body []byte) ([]askedLoRA, error) {
	o, err := schema.Parse(body)
	var bad *schema.InvalidError
	if errors.As(err, &bad) && bad.Wrong[0].Field == lorasName {
		return nil, refused(bad.Wrong[0].Detail)
	}
	if err != nil || o[lorasName] == nil {
		return nil, nil //nolint:nilerr // the function says what is wrong with it
	}
	own, err := s.of(man)
	if err != nil || own != nil && !hasProperty(own, lorasName) {
		return nil, nil //nolint:nilerr // the function says so
	}
	if wrong := s.loras.Check(schema.Object{lorasName: o[lorasName]}); len(wrong) > 0 {
		return nil, refused(wrong[0].Detail)
	}
	all, err := readLoRAs(o[lorasName])
	if err != nil || own == nil {
		return all, err
	}
	return s.doable(own, o, all)
}

// doable holds the whole request to the schema of the model's: what is wrong elsewhere the function tells.
func (s *schemas) doable(own *schema.Schema, o schema.Object, all []askedLoRA) ([]askedLoRA, error) {
	delete(o, "output") // it is the answer's, and in no model's schema
	elsewhere := false
	for _, w := range own.Check(o) {
		if w.Field == lorasName || strings.HasPrefix(w.Field, lorasName+"/") {
			return nil, refused(w.Detail)
		}
		elsewhere = true
	}
	if ping, _ := o["ping"].(bool); elsewhere && !ping {
		return nil, nil
	}
	return all, nil
}

func hasProperty(s *schema.Schema, name string) bool {
	_, ok := s.Property(name)
	return ok
}

// of is the schema of a model's requests; nil for a bundle that publishes none.
func (s *schemas) of(man *weights.Manifest) (*schema.Schema, error) {
	if len(man.Schema) == 0 {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.known[man.Digest]; known != nil {
		return known, nil
	}
	own, err := schema.Compile(man.Schema)
	if err != nil {
		return nil, err
	}
	if len(s.known) >= mostSchemas {
		clear(s.known)
	}
	s.known[man.Digest] = own
	return own, nil
}

// mostSchemas is how many are remembered: those of bundles that were replaced go at some time.
const mostSchemas = 64

// readLoRAs takes a list that has been checked. Each LoRA may be asked for once.
func readLoRAs(list any) (all []askedLoRA, err error) {
	raw, err := json.Marshal(list)
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		return nil, refused("loras cannot be read: a list of objects with name and strength would do.")
	}
	type once struct{ name, component string }
	seen := map[once]bool{}
	for i, a := range all {
		switch {
		case a.Name == "" || filepath.Base(a.Name) != a.Name || strings.HasPrefix(a.Name, ".") || strings.ContainsAny(a.Name, "\\\x00"):
			return nil, refused(fmt.Sprintf("loras[%d].name is %q, which is no LoRA's name: it is that of a file in the folder of LoRAs, without its ending.", i, schema.Show(a.Name)))
		case seen[once{a.Name, a.Component}]:
			return nil, refused(fmt.Sprintf("loras has %s twice: ask for it once, at the strength that both have together.", a.Name))
		}
		seen[once{a.Name, a.Component}] = true
	}
	return all, nil
}

// refused is the error of LoRAs that cannot be: 422 and a sentence.
func refused(sentence string) error {
	return gateway.Unprocessable(fmt.Errorf("%s: %w", strings.TrimSuffix(sentence, "."), errdefs.ErrInvalidArgument))
}
