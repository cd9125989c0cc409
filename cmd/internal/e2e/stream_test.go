package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// tinyMAGI is the bundle of a MAGI-1 of noise, made as a user makes one.
var tinyMAGI = sync.OnceValues(func() (string, error) {
	bin, err := programs()
	if err != nil {
		return "", err
	}
	from, dir := filepath.Join(scratch, "magi1-tiny"), filepath.Join(scratch, "magi1.bundle")
	for _, args := range [][]string{{"tiny", "magi1", "-o", from}, {"build", from, "-o", dir}} {
		if out, err := exec.Command(filepath.Join(bin, "videosdgx"), append([]string{"models"}, args...)...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("models %v: %w\n%s", args, err, out)
		}
	}
	return dir, nil
})

// queued is a job with its links.
type queued struct {
	ID     string
	Status string
	Links  struct{ Self, Stream string }
}

// A clip of MAGI-1 from its prompt to whoever watches: the first chunk is there while the job runs, the list ends with it, players
// read it over HTTP, the file has the same frames, and who comes back goes on.
func TestAClipIsWatchedWhileItIsMade(t *testing.T) {
	h := newHome(t, "process")
	h.function("magi1", "magi1", fmt.Sprintf("model: {name: magi1, bundle: %q}\ntimeout: 5m\n", need(t, tinyMAGI)))
	s := h.serve(t)
	const frames = 480
	j := into[queued](t, s.do(t, "POST", "/v1/models/magi1/generate", fmt.Sprintf(`{"prompt":"a red circle","seed":4,"num_frames":%d,"num_inference_steps":8}`, frames)).want(t, 202).body)
	base := "/v1/jobs/" + j.ID
	early := s.do(t, "GET", base+"/stream.m3u8", "").want(t, 200)
	if text := string(early.body); !strings.Contains(text, "chunks/0.m4s") || strings.Contains(text, "ENDLIST") {
		t.Errorf("the first list is %s", text)
	}
	if now := into[queued](t, s.do(t, "GET", base, "").want(t, 200).body); now.Status != "running" || now.Links.Stream == "" {
		t.Errorf("at the first chunk the job is %+v", now)
	}
	resp, err := http.Get(s.url + base + "/stream.mp4") // until the end of the clip
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	stream := filepath.Join(t.TempDir(), "stream.mp4")
	grown, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stream, grown, 0o600); err != nil {
		t.Fatal(err)
	}
	s.untilJob(t, j.ID, "completed")
	list := string(s.do(t, "GET", base+"/stream.m3u8", "").want(t, 200).body)
	if n := strings.Count(list, ".m4s"); n != frames/24 || !strings.HasSuffix(list, "#EXT-X-ENDLIST\n") {
		t.Errorf("the list has %d chunks: %s", n, list)
	}
	clip := filepath.Join(t.TempDir(), "clip.mp4")
	if err := os.WriteFile(clip, s.do(t, "GET", base+"/download", "").want(t, 200).body, 0o600); err != nil {
		t.Fatal(err)
	}
	want := framesOf(t, clip)
	if strings.Count(want, "\n") < frames {
		t.Fatalf("the clip has %d frames", strings.Count(want, "\n"))
	}
	for what, from := range map[string]string{"the stream": stream, "what a player gets": s.url + base + "/stream.m3u8"} {
		if got := framesOf(t, from); got != want {
			t.Errorf("%s has other frames than the clip: %d and %d lines", what, strings.Count(got, "\n"), strings.Count(want, "\n"))
		}
	}
	on := filepath.Join(t.TempDir(), "on.mp4")
	said, err := command(t, []string{"VIDEOSDGX_SERVER=" + s.url}, "generate", "the circle sinks", "--model", "magi1", "--video", clip, "--frames", "24", "--steps", "4", "--stream", "-o", on)
	if err != nil || !strings.Contains(said, "/stream.m3u8") || strings.Count(framesOf(t, on), "\n") != 24 {
		t.Errorf("going on from it: %v, %s", err, said)
	}
	resumed := s.do(t, "GET", base+"/stream.mp4?from=15", "").want(t, 200).body
	if len(resumed) == 0 || len(resumed) >= len(grown)/2 {
		t.Errorf("from chunk 15 on there are %d bytes of %d", len(resumed), len(grown))
	}
}

// Over RESPONSE_STREAM the first second is there while the rest is made, and who leaves ends the clip.
func TestWhoLeavesAStreamEndsTheClip(t *testing.T) {
	h := newHome(t, "process")
	h.function("magi1", "magi1", fmt.Sprintf("model: {name: magi1, bundle: %q}\ntimeout: 5m\nurl: {invokeMode: RESPONSE_STREAM}\n", need(t, tinyMAGI)))
	s := h.serve(t)
	if info := string(s.do(t, "GET", "/v1/models/magi1/info", "").want(t, 200).body); !strings.Contains(info, `"held":[{`) {
		t.Errorf("the bound of its memory is not in %s", info)
	}
	if info := string(s.do(t, "GET", "/v1/models/magi1/info", "").want(t, 200).body); !strings.Contains(info, `"precision":"n`) || !strings.Contains(info, "(auto: ") {
		t.Errorf("what its weights are held as, and why, is not in %s", info)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/fn/magi1/", strings.NewReader(`{"prompt":"a red circle","num_frames":14400,"num_inference_steps":64,"output":"stream"}`)) // minutes of work
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 32<<10) // a player's portion
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first[4:8]) != "ftyp" || resp.Header.Get("Content-Type") != "video/mp4" {
		t.Fatalf("%q, %v, %v", first[:8], resp.Header, err)
	}
	if i := s.instances(t); len(i) != 1 || i[0].State != "busy" {
		t.Errorf("while it is made: %+v", i)
	}
	resp.Body.Close()
	until(t, "the instance is idle", func() bool { i := s.instances(t); return len(i) == 1 && i[0].State == "idle" })
}

// framesOf is the digest of every frame.
func framesOf(t *testing.T, from string) string {
	t.Helper()
	args := []string{"-v", "error"}
	if strings.HasSuffix(from, ".m3u8") {
		args = append(args, "-live_start_index", "0") // of a list that grows it begins three chunks before the newest otherwise
	}
	out, err := exec.Command("ffmpeg", append(args, "-i", from, "-map", "0:v", "-f", "framemd5", "-")...).Output()
	if err != nil {
		t.Fatalf("ffmpeg -i %s: %v", from, err)
	}
	var sums strings.Builder
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			fields := strings.Split(strings.TrimSpace(line), ",")
			fmt.Fprintln(&sums, strings.TrimSpace(fields[len(fields)-1]))
		}
	}
	return sums.String()
}

// Any other model streams where it is asked to: its frames leave in chunks of a second.
func TestAnotherModelStreamsWhenAsked(t *testing.T) {
	h := newHome(t, "process")
	h.wan21(need(t, bundle), "")
	s := h.serve(t)
	j := s.submit(t, `{"prompt":"a red circle","seed":7,"width":64,"height":64,"num_frames":33,"fps":16,"num_inference_steps":2,"stream":true}`)
	s.untilJob(t, j.ID, "completed")
	list := string(s.do(t, "GET", "/v1/jobs/"+j.ID+"/stream.m3u8", "").want(t, 200).body)
	if !strings.Contains(list, "TARGETDURATION:2\n") || !strings.Contains(list, "#EXTINF:1.500000") || !strings.Contains(list, "#EXTINF:0.562500") || strings.Count(list, ".m4s") != 2 {
		t.Errorf("the list is %s", list)
	}
	plain := s.submit(t, `{"prompt":"a red circle","seed":7,"width":64,"height":64,"num_frames":5,"num_inference_steps":2}`)
	s.untilJob(t, plain.ID, "completed")
	var p struct{ Detail string }
	if err := json.Unmarshal(s.do(t, "GET", "/v1/jobs/"+plain.ID+"/stream.m3u8", "").want(t, 404).body, &p); err != nil || !strings.Contains(p.Detail, `"stream": true`) {
		t.Errorf("%+v, %v", p, err)
	}
}
