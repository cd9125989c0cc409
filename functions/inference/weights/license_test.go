package weights

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func TestLicencesWantAnAnswer(t *testing.T) {
	strict := &License{Name: "ltx-2-community-license", Link: "https://example.com/license"}
	for consent, ok := range map[string]bool{"": false, "yes": false, "apache-2.0": false, "ltx-2-community-license": true, " LTX-2-Community-License ": true} {
		err := strict.Accepted("clips", consent)
		if (err == nil) != ok {
			t.Errorf("%q: %v", consent, err)
		}
		if err != nil && (!errdefs.IsPermissionDenied(err) || !strings.Contains(err.Error(), "acceptLicense: ltx-2-community-license would do") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%q: %v", consent, err)
		}
	}
	for _, open := range []*License{nil, {Name: "Apache-2.0"}, {Name: "mit"}} {
		if err := open.Accepted("clips", "nonsense"); err != nil {
			t.Errorf("%+v: %v", open, err)
		}
	}
}
