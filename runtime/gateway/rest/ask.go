package rest

import (
	"maps"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// ask makes a submission's request of what the client sent: what the schema draws is drawn, so that every attempt gives the
// same clip, and the record keeps all but the files.
func ask(s jobs.Submit, sch *schema.Schema, fields schema.Object) jobs.Submit {
	s.Given = fields.JSON()
	full := maps.Clone(fields)
	sch.Draw(full)
	s.Request = full.JSON()
	for _, name := range sch.Files() {
		delete(full, name)
	}
	s.Kept = full.JSON()
	return s
}
