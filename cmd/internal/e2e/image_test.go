package e2e

import (
	"os"
	"path/filepath"
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
		"folder":  {"oci:" + empty, []string{empty, "is not an image"}},
		"text":    {"oci:" + text, []string{text, "is not an image"}},
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
			if name == "odd" { // no function, then
				return
			}
			s.do(t, "POST", "/2015-03-31/functions/"+name+"/invocations", "{}").want(t, 409, "image")
			s.do(t, "GET", "/2015-03-31/functions/"+name+"/configuration", "").want(t, 200, `"State":"Failed"`, `"StateReasonCode":"I`, c.want[0])
		})
	}
	s.do(t, "POST", "/fn/echo/", "{}").want(t, 200)
	s.do(t, "GET", "/2015-03-31/functions/echo/configuration", "").want(t, 200, `"State":"Active"`)
}

func TestImageBuildImportsIntoContainerd(t *testing.T) {
	needContainerd(t)
	h := newHome(t, "containerd")
	s := h.serve(t)
	bin, out := need(t, programs), filepath.Join(t.TempDir(), "echo.oci")
	socket := filepath.Join(stateOf(h.data), "containerd.sock")
	said, err := command(t, nil, "image", "build", "images/echo", "--bin", bin, "-o", out, "--containerd", socket, "--json")
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	built := into[struct{ Name, Imported string }](t, []byte(said))
	if built.Imported != socket {
		t.Errorf("imported into %q", built.Imported)
	}
	if err := os.RemoveAll(out); err != nil { // containerd has it now
		t.Fatal(err)
	}
	h.manifest("echo", "name: echo\nsnapshot: \"off\"\nimage: "+built.Name+"\n")
	until(t, "the imported image serves", func() bool { return s.do(t, "POST", "/fn/echo/", "{}").status == 200 })
}

func TestImageBuildSaysThatNoContainerdAnswers(t *testing.T) {
	out := filepath.Join(t.TempDir(), "echo.oci")
	said, err := command(t, nil, "image", "build", "images/echo", "--bin", need(t, programs), "-o", out, "--containerd", "/not/there.sock")
	if err == nil {
		t.Errorf("no error: %s", said)
	}
	says(t, said, "no containerd answers on /not/there.sock", "--containerd\n")
}
