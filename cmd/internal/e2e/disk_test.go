package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// disk mounts a small file system for one test.
func disk(t *testing.T, mib string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("LEFT OUT: a full disk needs root to mount one: sudo make test")
	}
	dir := t.TempDir()
	mountDisk(t, dir, mib)
	return dir
}

func mountDisk(t *testing.T, dir, mib string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+mib+"m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// full uses up all space of a disk, and what others give back when it is called again; the returned function gives it back.
func full(t *testing.T, dir string) (free func()) {
	t.Helper()
	name := dir + "/somebody-elses"
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for room := int64(1); room > 0; {
		var st syscall.Statfs_t
		if err := syscall.Statfs(dir, &st); err != nil {
			t.Fatal(err)
		}
		own, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if room = int64(st.Bavail) * st.Bsize; room == 0 {
			break
		}
		if err := syscall.Fallocate(int(f.Fd()), 0, own.Size(), room); err != nil && !errors.Is(err, syscall.ENOSPC) { // somebody was faster
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDiskWhileWritingTheResultLosesNothing(t *testing.T) {
	outputs := disk(t, "320") // a server wants to see 256 MiB free
	h := newHome(t, "process")
	h.wan21(need(t, bundle), "")
	s := h.serve(t, "--outputs", outputs)
	defer s.stop() // before the disk goes away
	j := s.submit(t, `{"prompt":"a red circle","width":128,"height":128,"num_frames":17,"num_inference_steps":4}`)
	s.untilJob(t, j.ID, "running")
	free := full(t, outputs)
	s.do(t, "POST", "/v1/models/wan21/generate", request(`"prompt":"a"`)).want(t, 507, "the disk is full")
	until(t, "the job says why it waits", func() bool {
		j = s.job(t, j.ID)
		return j.Status != "running"
	})
	if j.Status != "queued" {
		t.Errorf("%+v %+v", j, j.Error)
	}
	says(t, j.Reason, "disk")                                                                                             // the attempt's own reason, or that of all that wait
	until(t, "no half clip is left", func() bool { left, _ := os.ReadDir(outputs + "/.partial"); return len(left) == 0 }) // the record is written first
	free()
	s.untilJob(t, j.ID, "completed")
	s.do(t, "GET", "/v1/jobs/"+j.ID+"/download", "").want(t, 200)
}

func TestFullScratchIsOneSentence(t *testing.T) {
	needContainerd(t)
	h := newHome(t, "containerd")
	h.wan21(need(t, bundle), "limits: {scratch: 4KiB}\n")
	s := h.serve(t)
	big := `{"prompt":"a red circle","width":128,"height":128,"num_frames":17,"num_inference_steps":1}`
	s.do(t, "POST", "/fn/wan21/", big).want(t, 507, "space")
	s.do(t, "POST", "/fn/wan21/", `{"ping":true}`).want(t, 200)
}

// TestFullDiskAtEveryWrite: what cannot be written is told with 507, harms nothing that was there, and is written when there is room.
func TestFullDiskAtEveryWrite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("LEFT OUT: a full disk needs root to mount one: sudo make test")
	}
	h := newHome(t, "process")
	mountDisk(t, h.data, "64")
	h.open(h.data)
	h.wan21(need(t, bundle), "")
	h.function("echo", "echo", "")
	settings := []string{"--disk-reserve", "1MiB", "--audit", "on"}
	s := h.serve(t, settings...)
	program := filepath.Join(need(t, programs), "functions", "echo")
	writes := []struct{ name, method, path, body string }{
		{"a function", "PUT", "/api/v1/functions/made", fmt.Sprintf(`{"name":"made","command":[%q]}`, program)},
		{"an alias", "POST", "/2015-03-31/functions/echo/aliases", `{"Name":"live","FunctionVersion":"1"}`},
		{"a version", "POST", "/2015-03-31/functions/wan21/versions", `{}`},
		{"tags", "POST", "/2017-03-31/tags/arn:aws:lambda:us-east-1:000000000000:function:echo", `{"Tags":{"a":"b"}}`},
		{"a job", "POST", "/v1/models/wan21/generate", request(`"prompt":"a"`)},
	}
	s.do(t, "POST", invoke("echo"), `{"a":1}`).want(t, 200) // it is warm from here on
	s.do(t, "POST", "/2015-03-31/functions/echo/versions", `{}`).want(t, 201)
	for _, w := range writes[:2] {
		if a := s.do(t, w.method, w.path, w.body); a.status >= 300 {
			t.Errorf("%s: %d %s", w.name, a.status, a.body)
		}
	}
	before := s.do(t, "GET", "/2015-03-31/functions/echo/aliases", "").want(t, 200).body
	free := full(t, h.data)
	for _, w := range writes {
		full(t, h.data)
		if a := s.do(t, w.method, w.path, strings.ReplaceAll(strings.ReplaceAll(w.body, `"live"`, `"other"`), `"made"`, `"made","description":"anew"`)); a.status != 507 {
			t.Errorf("%s on a full disk: %d %s", w.name, a.status, a.body)
		}
	}
	s.do(t, "POST", invoke("echo"), `{"a":2}`).want(t, 200)
	s.do(t, "GET", "/2015-03-31/functions/echo/aliases", "").want(t, 200, string(before))
	s.kill()
	free()
	s = h.serve(t, settings...)
	s.do(t, "GET", "/2015-03-31/functions/echo/aliases", "").want(t, 200, string(before))
	s.do(t, "GET", "/api/v1/functions/made", "").want(t, 200)
	for _, w := range writes {
		if a := s.do(t, w.method, w.path, strings.ReplaceAll(w.body, `"live"`, `"third"`)); a.status >= 300 {
			t.Errorf("%s when there is room: %d %s", w.name, a.status, a.body)
		}
	}
	if out, err := command(t, nil, "audit", "verify", h.path("audit")); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
