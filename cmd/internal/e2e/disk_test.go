package e2e

import (
	"os"
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
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+mib+"m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// full uses up all space of a disk; the returned function gives it back.
func full(t *testing.T, dir string) (free func()) {
	t.Helper()
	file := dir + "/somebody-elses"
	if err := os.WriteFile(file, make([]byte, 1<<30), 0o644); err == nil {
		t.Fatal("the disk is not full")
	}
	return func() {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDiskWhileWritingTheResultLosesNothing(t *testing.T) {
	outputs := disk(t, "160") // more than what a server wants to see free
	h := newHome(t, "process")
	h.wan21(need(t, bundle), "")
	s := h.serve(t, "--outputs", outputs)
	defer s.stop() // before the disk goes away
	j := s.submit(t, strings.Replace(slow, `"num_inference_steps":100`, `"num_inference_steps":3`, 1))
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
	t.Logf("waits: %+v %+v", j, j.Error)
	if left, _ := os.ReadDir(outputs + "/.partial"); len(left) != 0 {
		t.Errorf("half clips are left: %v", left)
	}
	free()
	s.untilJob(t, j.ID, "completed")
	s.do(t, "GET", "/v1/jobs/"+j.ID+"/download", "").want(t, 200)
}

func TestFullScratchIsOneSentence(t *testing.T) {
	needContainerd(t)
	h := newHome(t, "containerd")
	h.wan21(need(t, bundle), "limits: {scratch: 4KiB}\n")
	s := h.serve(t)
	big := strings.Replace(slow, `"num_inference_steps":100`, `"num_inference_steps":1`, 1)
	s.do(t, "POST", "/fn/wan21/", big).want(t, 507, "space")
	s.do(t, "POST", "/fn/wan21/", `{"ping":true}`).want(t, 200)
}
