package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// growingClip is a job of MAGI-1 of so many frames whose first chunk is there.
func (s *server) growingClip(t *testing.T, frames int) (j queued, base string) {
	t.Helper()
	j = into[queued](t, s.do(t, "POST", "/v1/models/magi1/generate", fmt.Sprintf(`{"prompt":"a red circle","seed":4,"num_frames":%d,"num_inference_steps":8}`, frames)).want(t, 202).body)
	base = "/v1/jobs/" + j.ID
	s.do(t, "GET", base+"/stream.m3u8", "").want(t, 200)
	return j, base
}

// part reads an answer of the stream, at most so many bytes of it: who has them leaves.
func (s *server) part(t *testing.T, path string, most int64, header ...string) []byte {
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
	if err != nil {
		t.Error(err)
		return nil
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Accept-Ranges") != "none" {
		t.Errorf("%s %v: status %d, ranges %q", path, header, resp.StatusCode, resp.Header.Get("Accept-Ranges"))
	}
	got, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		t.Error(err)
	}
	return got
}

var chunkLine = regexp.MustCompile(`(?m)^chunks/[0-9]+\.m4s$`)

// asPagesDo is what hls.js does: the list again and again, each chunk once, some of them in two halves.
func (s *server) asPagesDo(t *testing.T, base string) []byte {
	stream := s.do(t, "GET", base+"/chunks/init.mp4", "").want(t, 200).body
	for have := 0; ; {
		list := string(s.do(t, "GET", base+"/stream.m3u8", "").want(t, 200).body)
		all := chunkLine.FindAllString(list, -1)
		for ; have < len(all); have++ {
			at := base + "/" + all[have]
			if have%3 > 0 {
				stream = append(stream, s.do(t, "GET", at, "").want(t, 200).body...)
				continue
			}
			for _, bytes := range []string{"bytes=0-99", "bytes=100-"} {
				stream = append(stream, s.do(t, "GET", at, "", "Range", bytes).want(t, 206).body...)
			}
		}
		if strings.HasSuffix(list, "#EXT-X-ENDLIST\n") || t.Failed() {
			return stream
		}
	}
}

// Players of every kind watch a clip while it grows, several at once; some leave and come back. What each has in the end are the clip's
// own frames.
func TestPlayersComeAndGo(t *testing.T) {
	h := newHome(t, "process")
	h.function("magi1", "magi1", fmt.Sprintf("model: {name: magi1, bundle: %q}\ntimeout: 5m\n", need(t, tinyMAGI)))
	s := h.serve(t)
	j, base := s.growingClip(t, 120)
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[string]string{}
	watch := func(name string, read func() string) {
		all.Go(func() {
			frames := read()
			mu.Lock()
			got[name] = frames
			mu.Unlock()
		})
	}
	file := func(parts ...[]byte) string { return framesOf(t, saved(t, bytes.Join(parts, nil))) }
	for i := range 2 {
		watch(fmt.Sprint("curl ", i), func() string { return file(s.part(t, base+"/stream.mp4", 1<<30)) })
	}
	watch("VLC's and Chromium's range", func() string { return file(s.part(t, base+"/stream.mp4", 1<<30, "Range", "bytes=0-")) })
	watch("ffmpeg by HLS", func() string { return framesOf(t, s.url+base+"/stream.m3u8") })
	watch("hls.js", func() string { return file(s.asPagesDo(t, base)) })
	watch("who left after the first chunk", func() string {
		s.part(t, base+"/stream.mp4", 32<<10)
		head := s.do(t, "GET", base+"/chunks/init.mp4", "").want(t, 200).body
		first := s.do(t, "GET", base+"/chunks/0.m4s", "").want(t, 200).body
		return file(head, first, s.part(t, base+"/stream.mp4?from=1", 1<<30))
	})
	if two := s.part(t, base+"/stream.mp4", 2, "Range", "bytes=0-1"); len(two) != 2 { // Safari asks for two bytes first
		t.Errorf("two bytes are %q", two)
	}
	all.Wait()
	s.untilJob(t, j.ID, "completed")
	want := file(s.do(t, "GET", base+"/download", "").want(t, 200).body)
	if n := strings.Count(want, "\n"); n != 120 {
		t.Fatalf("the clip has %d frames", n)
	}
	for name, frames := range got {
		if frames != want {
			t.Errorf("%s: %d frames that are not the clip's %d", name, strings.Count(frames, "\n"), strings.Count(want, "\n"))
		}
	}
}

// A server that ends while a clip grows makes it anew when it is back: who asks again has what was there, and gets the whole clip.
func TestAGrowingClipOutlivesItsServer(t *testing.T) {
	h := newHome(t, "process")
	h.function("magi1", "magi1", fmt.Sprintf("model: {name: magi1, bundle: %q}\ntimeout: 5m\n", need(t, tinyMAGI)))
	for _, end := range []func(*server){(*server).kill, (*server).stop} {
		s := h.serve(t)
		j, base := s.growingClip(t, 120)
		before := strings.TrimSuffix(string(s.do(t, "GET", base+"/stream.m3u8", "").want(t, 200).body), "#EXT-X-ENDLIST\n")
		end(s)
		s = h.serve(t)
		if list := s.follow(t, base, before); strings.Contains(list, "DISCONTINUITY") || strings.Count(list, ".m4s") != 5 {
			t.Errorf("the list is %s", list)
		}
		s.untilJob(t, j.ID, "completed")
		want := framesOf(t, saved(t, s.do(t, "GET", base+"/download", "").want(t, 200).body))
		if got := framesOf(t, s.url+base+"/stream.m3u8"); got != want || strings.Count(want, "\n") != 120 {
			t.Errorf("%d frames by the list, %d in the clip", strings.Count(got, "\n"), strings.Count(want, "\n"))
		}
		s.stop()
	}
}
