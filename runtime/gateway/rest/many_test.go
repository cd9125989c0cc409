package rest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestFiveHundredOpenPages measures what pages that follow the board cost. Their own ends of the connections are in this
// process too, so that the server's share is less than what is found.
func TestFiveHundredOpenPages(t *testing.T) {
	const pages, most = 500, 100 << 20
	hold := make(chan struct{})
	r := newRig(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) {
		<-hold
		return jobstest.Stream(200, "video/mp4", []byte("clip")), nil
	})
	defer close(hold)
	for i := range 100 { // a busy board
		r.generate(fmt.Sprintf(`{"prompt":"job %d %s"}`, i, strings.Repeat("of many words ", 20)))
	}
	before := inUse()
	told := make(chan bool, pages)
	for range pages {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		go func() {
			lines, first := bufio.NewReaderSize(c, 512), true
			for {
				line, err := lines.ReadSlice('\n')
				if err != nil && err != bufio.ErrBufferFull {
					return
				}
				if first && strings.HasPrefix(string(line), "event: jobs") {
					first = false
					told <- true
				}
			}
		}()
	}
	for range pages {
		select {
		case <-told:
		case <-time.After(30 * time.Second):
			t.Fatal("not every page was told of the jobs")
		}
	}
	time.Sleep(2 * time.Second) // some changes go out to all of them
	cost := inUse() - before
	t.Logf("%d pages cost %d KiB, %d KiB each", pages, cost>>10, cost>>10/pages)
	if cost > most {
		t.Errorf("%d pages cost %d MiB", pages, cost>>20)
	}
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
