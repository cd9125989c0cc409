package rest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// reel is a function that streams: the test says when each piece leaves.
type reel struct {
	in  *io.PipeWriter
	out *io.PipeReader
}

func newReel() *reel {
	r, w := io.Pipe()
	return &reel{w, r}
}

func (r *reel) script(_ context.Context, c jobstest.Call) (*spec.Result, error) {
	res := jobstest.Stream(200, "multipart/mixed; boundary=b", nil)
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(res.Body, r.out), r.out}
	return res, nil
}

func (r *reel) part(name, seconds, content, end string) {
	fmt.Fprintf(r.in, "Content-Disposition: attachment; name=%q\r\nContent-Type: video/mp4\r\n%s\r\n%s\r\n--b%s", name, seconds, content, end)
}

func (r *reel) begin() {
	fmt.Fprint(r.in, "--b\r\n")
	r.part("stream", "X-Videosdgx-Seconds: 0\r\n", "HEAD", "\r\n")
}
func (r *reel) chunk(content string) {
	r.part("stream", "X-Videosdgx-Seconds: 0.5\r\n", content, "\r\n")
}
func (r *reel) end() { r.part("clip", "", "whole clip", "--\r\n"); r.in.Close() }

// awaitChunks waits until a job has n chunks.
func (r *rig) awaitChunks(id string, n int) {
	r.t.Helper()
	err := r.jobs.Watch(r.t.Context(), id, "", func(jobs.Event) error {
		if st, err := r.jobs.Stream(r.t.Context(), id); err == nil && len(st.Chunks) >= n {
			return errEnough
		}
		return nil
	})
	if err != errEnough { //nolint:errorlint // it is the callback's own
		r.t.Fatalf("%d chunks did not come: %v", n, err)
	}
}

// A job's chunks can be seen while it runs: as a playlist, one by one, as one growing file, and by events; and afterwards.
func TestAJobIsWatchedWhileItIsMade(t *testing.T) {
	f := newReel()
	r := newRig(t, f.script)
	j := r.generate(`{"prompt":"p","stream":true}`)
	base := r.url + "/v1/models/wan21/jobs/" + j.ID
	go func() { f.begin(); f.chunk("first") }()
	r.awaitChunks(j.ID, 1)
	resp, list := r.do("GET", base+"/stream.m3u8", "")
	if resp.Header.Get("Content-Type") != "application/vnd.apple.mpegurl" || !strings.HasSuffix(string(list), "#EXT-X-MAP:URI=\"chunks/init.mp4\"\n#EXTINF:0.500000,\nchunks/0.m4s\n") || !strings.Contains(string(list), "TARGETDURATION:1\n") {
		t.Errorf("%s %s", resp.Header, list)
	}
	for name, want := range map[string]string{"init.mp4": "HEAD", "0.m4s": "first"} {
		if resp, b := r.do("GET", base+"/chunks/"+name, ""); resp.StatusCode != 200 || string(b) != want || resp.Header.Get("Content-Type") != "video/mp4" {
			t.Errorf("%s is %s %q", name, resp.Status, b)
		}
	}
	r.problem(404, "GET", "/v1/jobs/"+j.ID+"/chunks/1.m4s", "")
	r.problem(404, "GET", "/v1/jobs/"+j.ID+"/chunks/..%2fx", "")
	r.problem(400, "GET", "/v1/jobs/"+j.ID+"/stream.mp4?from=-1", "")
	if v := parse[jobView](t, second(r.do("GET", base, ""))); v.Links.Stream != "/v1/models/wan21/jobs/"+j.ID+"/stream.m3u8" {
		t.Errorf("links %+v", v.Links)
	}

	grows, err := http.Get(base + "/stream.mp4")
	if err != nil {
		t.Fatal(err)
	}
	defer grows.Body.Close()
	expect := func(from io.Reader, parts ...string) { // each fills a portion of a player's
		t.Helper()
		for _, want := range parts {
			got := make([]byte, playerBlock)
			if _, err := io.ReadFull(from, got); err != nil || !strings.HasPrefix(string(got), want+"\x00\x00") {
				t.Errorf("%.20q, %v, want %q", got, err, want)
			}
		}
	}
	expect(grows.Body, "HEAD", "first")
	go f.chunk("second")
	expect(grows.Body, "second") // while the third is not begun
	resumed, err := http.Get(base + "/stream.mp4?from=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resumed.Body.Close()
	expect(resumed.Body, "HEAD", "second")
	go func() { f.chunk("third"); f.end() }()
	for _, from := range []io.Reader{grows.Body, resumed.Body} {
		expect(from, "third")
		if rest, err := io.ReadAll(from); err != nil || len(rest) != 0 {
			t.Errorf("then %d bytes, %v", len(rest), err)
		}
	}
	done, err := r.jobs.Wait(t.Context(), j.ID)
	if err != nil || done.State != jobs.Completed {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, b := r.do("GET", base+"/download", ""); string(b) != "whole clip" {
		t.Errorf("the clip is %q", b)
	}
	if _, b := r.do("GET", base+"/stream.mp4", ""); len(b) != 4*playerBlock {
		t.Errorf("afterwards it has %d bytes", len(b))
	}
	if _, b := r.do("GET", base+"/stream.m3u8", ""); !strings.HasSuffix(string(b), "chunks/2.m4s\n#EXT-X-ENDLIST\n") {
		t.Errorf("afterwards the list is %s", b)
	}
	if err := r.jobs.Purge(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(r.outputs); len(left) > 4 { // the folders of what is in the making, and of what was read
		t.Errorf("left behind: %v", left)
	}
}

func second(_ *http.Response, b []byte) []byte { return b }

// Events name each chunk's address.
func TestAChunksEventHasItsAddress(t *testing.T) {
	f := newReel()
	r := newRig(t, f.script)
	j := r.generate(`{"prompt":"p"}`)
	resp, err := http.Get(r.url + "/v1/jobs/" + j.ID + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events := bufio.NewReader(resp.Body)
	for line := ""; !strings.HasPrefix(line, "event: "); { // from the present state on none is missed
		if line, err = events.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	go func() { f.begin(); f.chunk("first"); f.chunk("second"); f.end() }()
	all, err := io.ReadAll(events)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"url":"/v1/jobs/` + j.ID + `/chunks/0.m4s"`, `"start":0.5`, `/chunks/1.m4s`} {
		if !strings.Contains(string(all), want) {
			t.Errorf("no %s in %s", want, all)
		}
	}
}

// A clip that fails after its first chunk leaves nothing, and whoever watches it sees the end.
func TestAStreamThatComesToNothing(t *testing.T) {
	f := newReel()
	r := newRig(t, f.script)
	j := r.generate(`{"prompt":"p","max_attempts":1}`)
	go func() { f.begin(); f.chunk("first") }()
	r.awaitChunks(j.ID, 1)
	resp, err := http.Get(r.url + "/v1/jobs/" + j.ID + "/stream.mp4")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	f.in.CloseWithError(fmt.Errorf("the instance has died"))
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%q looks whole", b)
	}
	if done, err := r.jobs.Wait(t.Context(), j.ID); err != nil || done.State == jobs.Completed {
		t.Fatalf("%+v, %v", done, err)
	}
	r.problem(404, "GET", "/v1/jobs/"+j.ID+"/stream.m3u8", "")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) { // the record is written first
		if left, _ := os.ReadDir(r.outputs + "/.partial"); len(left) == 0 {
			break
		} else if time.Now().After(end) {
			t.Fatalf("left behind: %v", left)
		}
	}
}

// reels are a function whose attempts are reels, one after the other.
func reels(all ...*reel) func(context.Context, jobstest.Call) (*spec.Result, error) {
	attempt := 0
	return func(ctx context.Context, c jobstest.Call) (*spec.Result, error) {
		attempt++
		return all[attempt-1].script(ctx, c)
	}
}

var errDied = errors.New("the instance has died")

// A clip that is made anew with other bytes after its function died is another file: who watched the first sees its end, never the
// second's bytes. A list keeps what it had, and goes on with the second's behind a discontinuity; a chunk's address means the same
// for ever.
func TestAStreamThatBeginsAnew(t *testing.T) {
	f, again := newReel(), newReel()
	r := newRig(t, reels(f, again))
	j := r.generate(`{"prompt":"p","max_attempts":2}`)
	base := r.url + "/v1/jobs/" + j.ID
	go func() { f.begin(); f.chunk("first") }()
	r.awaitChunks(j.ID, 1)
	early := string(second(r.do("GET", base+"/stream.m3u8", "")))
	resp, err := http.Get(base + "/stream.mp4")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	f.in.CloseWithError(errDied)
	go func() { again.begin(); again.chunk("new first"); again.chunk("new second"); again.end() }()
	if b, err := io.ReadAll(resp.Body); err == nil || len(b) > 2*playerBlock {
		t.Errorf("%d bytes look whole", len(b))
	}
	if done, err := r.jobs.Wait(t.Context(), j.ID); err != nil || done.State != jobs.Completed {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, b := r.do("GET", base+"/stream.mp4", ""); len(b) != 3*playerBlock || !strings.HasPrefix(string(b[playerBlock:]), "new first") {
		t.Errorf("the second has %d bytes", len(b))
	}
	list := string(second(r.do("GET", base+"/stream.m3u8", "")))
	if want := early + "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"chunks/init.1.mp4\"\n#EXTINF:0.500000,\nchunks/1.m4s\n#EXT-X-ENDLIST\n"; list != want {
		t.Errorf("the list is %s\nwant %s", list, want)
	}
	for name, want := range map[string]string{"init.mp4": "HEAD", "0.m4s": "first", "init.1.mp4": "HEAD", "1.m4s": "new second"} {
		if _, b := r.do("GET", base+"/chunks/"+name, ""); string(b) != want {
			t.Errorf("%s is %q", name, b)
		}
	}
	r.problem(404, "GET", "/v1/jobs/"+j.ID+"/chunks/init.2.mp4", "")
	if err := r.jobs.Purge(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(r.outputs); slices.ContainsFunc(left, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), j.ID) }) {
		t.Errorf("left behind: %v", left)
	}
}

// A clip that is made anew with the same bytes is the same to who watches it: the file goes on where it was, the list stays as it is
// until there is more, and no chunk is told of twice.
func TestARetryIsNotSeenByWhoWatches(t *testing.T) {
	f, again := newReel(), newReel()
	r := newRig(t, reels(f, again))
	j := r.generate(`{"prompt":"p","max_attempts":2}`)
	base := r.url + "/v1/jobs/" + j.ID
	told := make(chan string, 64)
	watch, err := http.Get(base + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Body.Close()
	lines := bufio.NewScanner(watch.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "event: ") { // from the present state on none is missed
	}
	go func() {
		defer close(told)
		for lines.Scan() {
			if n, ok := strings.CutPrefix(lines.Text(), `data: {"chunk":`); ok {
				told <- n[:1]
			}
		}
	}()
	go func() { f.begin(); f.chunk("first"); f.chunk("second") }()
	r.awaitChunks(j.ID, 2)
	resp, err := http.Get(base + "/stream.mp4")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	early := string(second(r.do("GET", base+"/stream.m3u8", "")))
	f.in.CloseWithError(errDied)
	again.begin()
	again.chunk("first") // the pipe is read in step: all before its end has been taken
	if list := string(second(r.do("GET", base+"/stream.m3u8", ""))); list != early {
		t.Errorf("while the second attempt is behind the list is %s\nit was %s", list, early)
	}
	if _, b := r.do("GET", base+"/chunks/1.m4s", ""); string(b) != "second" {
		t.Errorf("the second chunk is %q", b)
	}
	go func() { again.chunk("second"); again.chunk("third"); again.end() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil || len(b) != 4*playerBlock || !strings.HasPrefix(string(b[3*playerBlock:]), "third") {
		t.Errorf("who watches has %d bytes, %v", len(b), err)
	}
	if done, err := r.jobs.Wait(t.Context(), j.ID); err != nil || done.State != jobs.Completed || done.Attempts != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	if list := string(second(r.do("GET", base+"/stream.m3u8", ""))); list != early+"#EXTINF:0.500000,\nchunks/2.m4s\n#EXT-X-ENDLIST\n" {
		t.Errorf("the list is %s", list)
	}
	var chunks []string
	for n := range told {
		chunks = append(chunks, n)
	}
	if strings.Join(chunks, "") != "012" {
		t.Errorf("events told of the chunks %v", chunks)
	}
}

// A range that lies outside is told as everything else is, of a chunk and of the whole clip.
func TestARangeThatLiesOutside(t *testing.T) {
	f := newReel()
	r := newRig(t, f.script)
	j := r.generate(`{"prompt":"p"}`)
	go func() { f.begin(); f.chunk("first"); f.end() }()
	if _, err := r.jobs.Wait(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	for path, size := range map[string]int{"/chunks/0.m4s": 5, "/chunks/init.mp4": 4, "/download": 10} {
		for _, asked := range []string{fmt.Sprintf("bytes=%d-", size), "bytes=900-901", "bytes=4-2", "bytes=a-b", "bytes=-0", "bytes=-00", "bytes=-0, -000"} {
			resp, b := r.do("GET", r.url+"/v1/jobs/"+j.ID+path, "", "Range", asked)
			p := parse[problem](t, b)
			if resp.StatusCode != 416 || resp.Header.Get("Content-Type") != "application/problem+json" || resp.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) ||
				p.Status != 416 || !strings.Contains(p.Detail, fmt.Sprintf("%d bytes", size)) || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %s %v %s", path, asked, resp.Status, resp.Header, b)
			}
		}
		resp, b := r.do("GET", r.url+"/v1/jobs/"+j.ID+path, "", "Range", "bytes=1-2")
		if resp.StatusCode != 206 || len(b) != 2 || resp.Header.Get("Content-Range") != fmt.Sprintf("bytes 1-2/%d", size) {
			t.Errorf("%s: %s %v", path, resp.Status, resp.Header)
		}
		tag := resp.Header.Get("ETag")
		for _, c := range []struct {
			method, asked, name, value string
			status                     int
		}{
			{"GET", "bytes=-0", "If-None-Match", tag, 304}, {"GET", "bytes=-0", "If-None-Match", "W/" + tag, 304}, {"GET", "bytes=-0", "If-Match", `"other"`, 412},
			{"GET", "bytes=-0", "If-Range", `"other"`, 200}, {"GET", "bytes=1-2", "If-Range", "W/" + tag, 200}, {"GET", "bytes=1-2", "If-Range", "yesterday", 200},
			{"GET", "bytes=1-2", "If-Match", tag, 206}, {"GET", "bytes=1-2", "If-Match", "W/" + tag, 412}, {"GET", "bytes=1-2", "If-None-Match", "rubbish", 206},
			{"GET", "bytes=1-2", "If-None-Match", "*", 304}, {"GET", "bytes=1-2", "If-Modified-Since", "rubbish", 206}, {"GET", "bytes=1-2,-0", "If-Match", "*", 206},
			{"HEAD", "bytes=1-2", "If-Match", tag, 200}, {"HEAD", "bytes=900-", "If-Range", tag, 200},
		} {
			if resp, _ := r.do(c.method, r.url+"/v1/jobs/"+j.ID+path, "", "Range", c.asked, c.name, c.value); resp.StatusCode != c.status {
				t.Errorf("%s %s %s, %s %s: %s, not %d", c.method, path, c.asked, c.name, c.value, resp.Status, c.status)
			}
		}
		if resp, b := r.do("GET", r.url+"/v1/jobs/"+j.ID+path, "", "Range", "lines=1-2"); resp.StatusCode != 200 || len(b) != size {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestAJobWithoutChunksSaysHowToGetThem(t *testing.T) {
	r := newRig(t, nil)
	j := r.generate(`{"prompt":"p"}`, "Prefer", "wait=20")
	if p := r.problem(404, "GET", "/v1/jobs/"+j.ID+"/stream.m3u8", ""); !strings.Contains(p.Detail, `"stream": true`) {
		t.Errorf("%+v", p)
	}
	r.problem(422, "POST", "/v1/models/wan21/generate", `{"prompt":"p","stream":"yes"}`)
}
