package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// follow reads a job's list as players do until it ends, and fails where a line of it goes or changes. It begins with what was seen before.
func (s *server) follow(t *testing.T, base, seen string) string {
	for {
		a, err := s.try(t, "GET", base+"/stream.m3u8", "")
		if err != nil {
			t.Error(err)
			return seen
		}
		if a.status == http.StatusServiceUnavailable { // nothing was shown yet
			if seen != "" {
				t.Errorf("the list of\n%s\nis gone: %s", seen, a.body)
				return seen
			}
			time.Sleep(200 * time.Millisecond)
			continue
		}
		if list := string(a.body); a.status != http.StatusOK || !strings.HasPrefix(list, seen) {
			t.Errorf("status %d, the list of\n%s\nhas become\n%s", a.status, seen, list)
			return seen
		} else if seen = list; strings.HasSuffix(list, "#EXT-X-ENDLIST\n") {
			return list
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// chunksTold are the chunks that a job's events tell of, in their order, until it ends.
func (s *server) chunksTold(t *testing.T, base string, told func()) (numbers []string) {
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+base+"/events", nil)
	if err != nil {
		t.Error(err)
		return nil
	}
	req.Header.Set("Last-Event-ID", "1") // all that there were
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), `data: {"chunk":`); ok {
			n, _, _ := strings.Cut(rest, ",")
			if numbers = append(numbers, n); len(numbers) == 1 {
				told()
			}
		}
	}
	return numbers
}

// A function is killed while a clip of it is watched, and the job runs again: the same bytes come, so that nobody who watches notices.
// The list only grows, a player plays on, the growing file goes on where it was, and each chunk is told of once.
func TestARetryIsNotSeenByPlayers(t *testing.T) {
	h := newHome(t, "process")
	h.function("magi1", "magi1", fmt.Sprintf("model: {name: magi1, bundle: %q}\ntimeout: 5m\n", need(t, tinyMAGI)))
	s := h.serve(t)
	const frames = 240
	j := into[queued](t, s.do(t, "POST", "/v1/models/magi1/generate", fmt.Sprintf(`{"prompt":"a red circle","seed":4,"num_frames":%d,"num_inference_steps":64,"max_attempts":3}`, frames)).want(t, 202).body)
	base := "/v1/jobs/" + j.ID
	var all sync.WaitGroup
	var list, byList string
	var told []string
	first := make(chan struct{})
	all.Go(func() { told = s.chunksTold(t, base, func() { close(first) }) })
	<-first
	file := make(chan []byte, 1)
	all.Go(func() {
		resp, err := http.Get(s.url + base + "/stream.mp4")
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error("the growing file: ", err)
		}
		file <- b
	})
	all.Go(func() { list = s.follow(t, base, "") })
	all.Go(func() { byList = framesOf(t, s.url+base+"/stream.m3u8") })
	killOne(t, h.data, "magi1")
	done := s.untilJob(t, j.ID, "completed")
	all.Wait()
	if done.Attempts != 2 {
		t.Errorf("%d attempts", done.Attempts)
	}
	want := framesOf(t, saved(t, s.do(t, "GET", base+"/download", "").want(t, 200).body))
	if n := strings.Count(want, "\n"); n != frames {
		t.Fatalf("the clip has %d frames", n)
	}
	if got := framesOf(t, saved(t, <-file)); got != want {
		t.Errorf("the growing file has %d frames that are not the clip's", strings.Count(got, "\n"))
	}
	if byList != want {
		t.Errorf("by the list there are %d frames that are not the clip's", strings.Count(byList, "\n"))
	}
	if strings.Contains(list, "DISCONTINUITY") || strings.Count(list, ".m4s") != frames/24 {
		t.Errorf("the list is %s", list)
	}
	for i, n := range told {
		if n != fmt.Sprint(i) {
			t.Errorf("events told of the chunks %v", told)
			break
		}
	}
	if len(told) != frames/24 {
		t.Errorf("events told of the chunks %v", told)
	}
}
