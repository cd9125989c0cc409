package e2e

import (
	"os"
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
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(dir + "/somebody-elses")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, int64(st.Bavail)*st.Bsize); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(f.Name()); err != nil {
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
	says(t, j.Reason, "disk space")
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
	big := `{"prompt":"a red circle","width":128,"height":128,"num_frames":17,"num_inference_steps":1}`
	s.do(t, "POST", "/fn/wan21/", big).want(t, 507, "space")
	s.do(t, "POST", "/fn/wan21/", `{"ping":true}`).want(t, 200)
}
