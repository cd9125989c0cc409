package guest

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// extensionsDir is where an image brings external extensions: programs that Lambda starts before the function, such as
// adapters that make an ordinary web server a function. docs.aws.amazon.com/lambda/latest/dg/lambda-extensions.html.
const extensionsDir = "/opt/extensions"

const (
	joining = 10 * time.Second // how long they have to register, as long as Lambda's initialisation
	leaving = 2 * time.Second  // how long after the function those have that asked to be told of the end
)

// companions are the external extensions that run, by file name, which is the name they register.
type companions struct {
	pids    map[string]int // not changed any more once the function has started
	joined  chan string
	settled chan string // those that ask for their first event

	mu   sync.Mutex
	over bool
	told []string // of the end
}

// startCompanions starts every program in dir and waits until they have registered: the function may count on them. What
// does not start, or ends, is told in the log, and the function starts without it.
func (g *guest) startCompanions(dir string, env []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // hardly any image has some
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		c, err := startChild([]string{filepath.Join(dir, e.Name())}, env, g.log.w)
		if err != nil {
			g.log.say("extension %s: %v", e.Name(), err)
			continue
		}
		g.companions.pids[e.Name()] = c.pid
	}
	g.awaitCompanions(joining)
}

// awaitCompanions runs before anybody else reaps, so that it sees those that end.
func (g *guest) awaitCompanions(limit time.Duration) {
	g.await(limit, g.companions.joined, "registered", g.missing)
}

// await returns once every companion has come, has gone, which gone looks for, or the limit is over.
func (g *guest) await(limit time.Duration, came <-chan string, what string, gone func(waiting map[string]int)) {
	waiting := maps.Clone(g.companions.pids)
	late := time.After(limit)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for len(waiting) > 0 {
		select {
		case name := <-came:
			delete(waiting, name)
		case <-look.C:
			gone(waiting)
		case <-late:
			for name := range waiting {
				g.log.say("extension %s has not %s within %s", name, what, limit)
			}
			return
		}
	}
}

// missing gives up those that have ended.
func (g *guest) missing(waiting map[string]int) {
	for name, pid := range waiting {
		var ws syscall.WaitStatus
		if n, err := syscall.Wait4(pid, &ws, syscall.WNOHANG, nil); n == pid || errors.Is(err, syscall.ECHILD) {
			g.log.say("extension %s ended with status %d before it registered", name, ws.ExitStatus())
			delete(waiting, name)
			delete(g.companions.pids, name)
		}
	}
}

// awaitSettled returns once every companion has asked for its first event, has ended, or the limit is over: until then the
// function is not initialised, however ready it is itself.
func (g *guest) awaitSettled(limit time.Duration) {
	g.await(limit, g.companions.settled, "asked for an event", func(waiting map[string]int) {
		maps.DeleteFunc(waiting, func(_ string, pid int) bool { return syscall.Kill(pid, 0) != nil })
	})
}

func (g *guest) onSettled(name string) { tell(g.companions.settled, name) }

func (g *guest) onExtension(name string) { tell(g.companions.joined, name) }

// tell does not wait: nobody listens for an extension inside the function.
func tell(to chan<- string, name string) {
	select {
	case to <- name:
	default:
	}
}

// farewell tells the companions that asked for it that the instance ends within grace.
func (g *guest) farewell(grace time.Duration) {
	c := &g.companions
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.over, c.told = true, g.api.ShutDown("spindown", time.Now().Add(grace).UnixMilli())
	}
}

// partWith gives the companions that have been told the time to write down what they know.
func (g *guest) partWith(until time.Time) {
	c := &g.companions
	c.mu.Lock()
	told := c.told
	c.mu.Unlock()
	for _, name := range told {
		pid, ok := c.pids[name]
		for ok && time.Now().Before(until) && syscall.Kill(pid, 0) == nil {
			time.Sleep(time.Millisecond)
		}
	}
}
