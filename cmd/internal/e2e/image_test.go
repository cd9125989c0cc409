package e2e

import (
	"os"
	"testing"
)

func TestImageThatIsNotOne(t *testing.T) {
	needContainerd(t)
	h := newHome(t, "containerd")
	text, empty := h.path("text"), h.path("empty")
	if err := os.WriteFile(text, []byte("not an image\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		image string
		want  []string
	}{
		"folder":  {"oci:" + empty, []string{empty, "not an OCI image"}},
		"text":    {"oci:" + text, []string{text, "not an OCI image"}},
		"missing": {"oci:/not/there", []string{"/not/there", "no such file"}},
		"unknown": {"127.0.0.1:9/none/such:v1", []string{"127.0.0.1:9/none/such:v1"}},
		"odd":     {"NOT A REFERENCE", []string{"NOT A REFERENCE"}},
	}
	for name, c := range cases {
		h.manifest(name, "name: "+name+"\nimage: \""+c.image+"\"\n")
	}
	h.function("echo", "echo", "")
	s := h.serve(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := s.do(t, "POST", "/fn/"+name+"/", "{}")
			if a.status < 400 {
				t.Errorf("status %d", a.status)
			}
			says(t, string(a.body), c.want...)
			t.Logf("%d %s", a.status, a.body)
		})
	}
	s.do(t, "POST", "/fn/echo/", "{}").want(t, 200)
}
