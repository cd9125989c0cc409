package schema_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/schema"
)

// TestSchemasOfEveryDraft: a document says which draft it follows, and is held to that one, by several readers at once.
func TestSchemasOfEveryDraft(t *testing.T) {
	drafts := []string{"http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-06/schema#", "http://json-schema.org/draft-07/schema#",
		"https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema"}
	var all sync.WaitGroup
	for _, draft := range append(drafts, drafts...) {
		all.Go(func() {
			s, err := schema.Compile(fmt.Appendf(nil, `{"$schema":%q,"type":"object","properties":{"a":{"type":"integer","minimum":2,"x-step":2}}}`, draft))
			if err != nil {
				t.Errorf("%s: %v", draft, err)
				return
			}
			for value, wrong := range map[string]bool{"2": false, "4": false, "1": true, "3": true, `"2"`: true} {
				o, err := schema.Parse([]byte(`{"a":` + value + `}`))
				if err != nil || (s.Check(o) != nil) != wrong {
					t.Errorf("%s: %s: %v %v", draft, value, err, s.Check(o))
				}
			}
			if _, err := schema.Compile(fmt.Appendf(nil, `{"$schema":%q,"type":"integers"}`, draft)); !errdefs.IsInvalidArgument(err) {
				t.Errorf("%s takes a type that it does not have: %v", draft, err)
			}
		})
	}
	all.Wait()
	if _, err := schema.Compile([]byte(`{"$schema":"http://json-schema.org/draft-03/schema#"}`)); !errdefs.IsInvalidArgument(err) {
		t.Errorf("draft 3: %v", err)
	}
}
