package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
)

// License is the one that a model's weights are under.
type License struct {
	Name string `json:"name"`           // as the checkpoint calls it, such as "apache-2.0"
	Link string `json:"link,omitempty"` // to its text
}

// free are licences that ask nothing of who runs a model.
var free = []string{"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0"}

// Open says whether the licence asks nothing of who runs the model. No licence asks nothing.
func (l *License) Open() bool { return l == nil || slices.Contains(free, strings.ToLower(l.Name)) }

// Accepted refuses a consent that is not the name of a licence that wants one, as PermissionDenied. Capitals do not matter.
func (l *License) Accepted(model, consent string) error {
	if l.Open() || strings.EqualFold(strings.TrimSpace(consent), l.Name) {
		return nil
	}
	at := ""
	if l.Link != "" {
		at = " (" + l.Link + ")"
	}
	said := "says nothing"
	if consent != "" {
		said = fmt.Sprintf("says %q", consent)
	}
	return fmt.Errorf("%s is under the licence %s%s, which its manifest has to accept and %s: model.acceptLicense: %s would do: %w", model, l.Name, at, said, l.Name, errdefs.ErrPermissionDenied)
}
