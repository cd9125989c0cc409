package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A clip with sound is heard while it is made, on every driver: the chunks of a job, as a player reads them from the list and as they
// come, have the samples of the file at the end, pictures and sound; so has the answer of a function that streams.
func TestALiveClipIsHeard(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.function("ltx2", "ltx2", "model: {name: ltx2, bundle: \""+need(t, ltx2Demo)+"\", acceptLicense: ltx-2-community-license}\ntimeout: 10m\nlimits: {memory: 2GiB, scratch: 512MiB}\nurl: {invokeMode: RESPONSE_STREAM}\n")
		s := h.serve(t)
		const fields = `"prompt":"a red circle bouncing with a high beep","seed":7,"width":64,"height":64,"num_frames":33,"fps":16,"num_inference_steps":2,`
		j := into[queued](t, s.do(t, "POST", "/v1/models/ltx2/generate", "{"+fields+`"stream":true}`).want(t, 202).body)
		base := "/v1/jobs/" + j.ID
		s.untilJob(t, j.ID, "completed")
		want := codedOf(t, saved(t, s.do(t, "GET", base+"/download", "").want(t, 200).body))
		if n := strings.Count(want, "SHA256="); n != 2 {
			t.Fatalf("the clip has %d tracks: %s", n, want)
		}
		if list := string(s.do(t, "GET", base+"/stream.m3u8", "").want(t, 200).body); strings.Count(list, ".m4s") != 2 {
			t.Errorf("the list is %s", list)
		}
		for what, from := range map[string]string{
			"what a player gets": s.url + base + "/stream.m3u8", "the stream": saved(t, s.do(t, "GET", base+"/stream.mp4", "").want(t, 200).body),
			"a function's answer": saved(t, s.do(t, "POST", "/fn/ltx2/", "{"+fields+`"output":"stream"}`).want(t, 200).body),
		} {
			if got := codedOf(t, from); got != want {
				t.Errorf("%s has other samples than the clip: %s, %s", what, got, want)
			}
		}
		silent := saved(t, s.do(t, "POST", "/fn/ltx2/", "{"+fields+`"audio":false,"output":"stream"}`).want(t, 200).body)
		if got := codedOf(t, silent); strings.Count(got, "SHA256=") != 1 {
			t.Errorf("without sound: %s", got)
		}
	})
}

func saved(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.mp4")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// codedOf is the digest of each track's coded samples.
func codedOf(t *testing.T, from string) string {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", from, "-map", "0", "-c", "copy", "-f", "streamhash", "-").Output()
	if err != nil {
		t.Fatalf("ffmpeg -i %s: %v", from, err)
	}
	return string(out)
}
