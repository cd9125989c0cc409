package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestClipsOfARestoredFunction: an instance has made a clip before its snapshot, buffers and all, and one that comes back of it makes
// the same bytes as that one and as one that started plainly, and again.
func TestClipsOfARestoredFunction(t *testing.T) {
	needContainerd(t)
	if os.Getenv("VIDEOSDGX_TEST_CRIU") == "" {
		t.Skip("LEFT OUT: snapshots (set VIDEOSDGX_TEST_CRIU=1)")
	}
	for _, c := range []struct {
		function, more string
		image, bundle  func() (string, error)
		fields         string
	}{
		{"wan21", "", wan21OCI, bundle, `"prompt":"a red circle","seed":7,` + quick},
		{"ltx2", ", acceptLicense: ltx-2-community-license", ltx2OCI, ltx2Demo,
			`"prompt":"a red circle bouncing with a high beep","seed":7,"width":64,"height":64,"num_frames":9,"fps":16,"num_inference_steps":2`},
	} {
		t.Run(c.function, func(t *testing.T) {
			h := newHome(t, "containerd")
			event := fmt.Sprintf(`{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"POST","path":"/"}},"body":%q}`, "{"+c.fields+`,"output":"stream"}`) // no times are in its answer
			h.manifest(c.function, fmt.Sprintf("name: %[1]s\nimage: %[2]q\nmodel: {name: %[1]s, bundle: %[3]q%[4]s}\nlimits: {memory: 2GiB, scratch: 512MiB}\ntimeout: 5m\n"+
				"snapshot: always\nsnapshotOn: publish\nsnapshotEvent: '%[5]s'\n", c.function, "oci:"+need(t, c.image), need(t, c.bundle), c.more, event))
			s := h.serve(t)
			clip := func(by string) (latents, video string) {
				t.Helper()
				a := s.do(t, "POST", "/fn/"+c.function+"/", "{"+c.fields+"}", "Accept", "video/mp4").want(t, 200)
				if i := s.instances(t); len(i) != 1 || i[0].StartedBy != by {
					t.Fatalf("started by %s: %+v", by, i)
				}
				return a.header.Get("X-Videosdgx-Latents"), string(a.body)
			}
			latents, video := clip("plain")
			if len(latents) != 64 || len(video) < 500 {
				t.Fatalf("latents %q, %d bytes", latents, len(video))
			}
			s.do(t, "DELETE", "/api/v1/instances/"+s.instances(t)[0].ID, "")
			if said, err := command(t, []string{"VIDEOSDGX_SERVER=" + s.url}, "snapshot", "create", c.function); err != nil || !strings.Contains(said, "ready") {
				t.Fatalf("%v\n%s", err, said)
			}
			for range 2 { // the second of an instance that is warm
				if l, v := clip("snapshot"); l != latents || v != video {
					t.Errorf("after the restore: latents %s, %d bytes; before %s, %d bytes", l, len(v), latents, len(video))
				}
			}
		})
	}
}
