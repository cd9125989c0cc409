package daemon

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/images/builder"
)

// TestExampleImages builds images/python and images/node, runs them, and restores each three times from one snapshot that
// was made under auto: no two instances draw the same numbers. Python without the script that renews them is refused.
func TestExampleImages(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"python", "node"} {
		w.function, w.image = name, exampleImage(t, name)
		w.deploy(`,"snapshot":"auto"`)
		w.answers(`{"hello":"world"}`)
		w.failsWith(`{"fail":"on purpose"}`, "on purpose")
		seen := map[string]bool{}
		w.unlike(seen)
		w.snapshot()
		w.deploy("") // always restored now, where auto would take what is faster
		for range 3 {
			w.cold()
			w.unlike(seen)
			if all := w.instances(); len(all) != 1 || all[0].StartedBy != "snapshot" {
				t.Errorf("%s: started by %+v", name, all)
			}
		}
		w.cold()
	}
	w.function, w.image = "bare", exampleImage(t, "python")
	w.deploy(`,"snapshot":"auto","command":["/usr/bin/python3","-E","/var/task/runtime.py","app.handler"]`)
	w.answers(`1`)
	if code, body := w.call(http.MethodPost, "/api/v1/functions/bare/snapshots", "", nil); code < 400 || !strings.Contains(body, "same random numbers") {
		t.Errorf("a snapshot that repeats: %d %s", code, body)
	}
	w.cold()
}

func exampleImage(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	recipe, img, err := builder.Build(t.Context(), "../../../images/"+name, builder.Options{})
	must(t, err)
	must(t, builder.WriteLayout(img, recipe.Name, dir))
	return "oci:" + dir
}

// unlike has the function draw, and wants nothing that was seen before.
func (w *world) unlike(seen map[string]bool) {
	w.t.Helper()
	code, body := w.call(http.MethodPost, "/2015-03-31/functions/"+w.function+"/invocations", `{"random":true}`, nil)
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var drawn map[string]any
	if err := d.Decode(&drawn); err != nil || code != http.StatusOK || len(drawn) < 3 {
		w.t.Fatalf("random: %d %s (%v)", code, body, err)
	}
	for kind, v := range drawn {
		text, _ := json.Marshal(v)
		if key := kind + string(text); seen[key] {
			w.t.Errorf("%s: %s again", w.function, key)
		} else {
			seen[key] = true
		}
	}
}

func (w *world) failsWith(event, says string) {
	w.t.Helper()
	if _, body := w.call(http.MethodPost, "/2015-03-31/functions/"+w.function+"/invocations", event, nil); !strings.Contains(body, says) {
		w.t.Errorf("%s: %s", w.function, body)
	}
}
