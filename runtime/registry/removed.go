package registry

import (
	"fmt"
	"path/filepath"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Removed says why a function does not serve that has been removed while its manifest stayed where it is; "" of others.
func (r *Registry) Removed(name string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e, f := r.byName[name], r.owner[name]
	if e == nil || f == nil || !e.rec.Deleted {
		return ""
	}
	return fmt.Sprintf("it was removed, but its manifest %s is still there: it serves again when that changes, or with 'videosdgx deploy %s'",
		filepath.Join(f.fn.Dir, manifestFile), f.fn.Dir)
}

// tellRemoved says at the start what no manifest explains: that it is there, and right, and does not serve.
func (r *Registry) tellRemoved() {
	for _, st := range r.hidden() {
		r.cfg.Log.Warn("function does not serve", "function", st.Function.Name, "why", st.Fault)
	}
}

// hidden lists the functions that Removed explains.
func (r *Registry) hidden() (all []spec.FunctionStatus) {
	r.mu.RLock()
	names := make([]string, 0, len(r.owner))
	for name := range r.owner {
		names = append(names, name)
	}
	r.mu.RUnlock()
	for _, name := range names {
		if why := r.Removed(name); why != "" {
			all = append(all, spec.FunctionStatus{Function: spec.Function{Name: name}, Fault: why})
		}
	}
	return all
}
