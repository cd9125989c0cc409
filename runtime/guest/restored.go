package guest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strconv"

	"github.com/videosdgx/videosdgx/runtime/guest/reseed"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// comeBack is what init does right after a restore, before the first event: fresh randomness, then the function's hooks.
func (g *guest) comeBack(conn net.Conn, b []byte) {
	var h wire.RestoredHead
	if err := json.Unmarshal(b, &h); err != nil {
		protocol(conn, err.Error())
		return
	}
	g.news.Store(0) // what initialisation took was another instance's
	stir(h.Entropy)
	g.prepare() // the folder is a new one
	if err := g.renew(); err != nil {
		wire.WriteJSON(conn, wire.Fail, wire.FailHead{Class: wire.ClassInit, Message: "the function's random numbers could not be made its own: " + err.Error()})
		return
	}
	if !g.api.Restored() {
		wire.WriteFrame(conn, wire.End, nil)
		return
	}
	select {
	case body := <-g.restored:
		if body == nil {
			wire.WriteFrame(conn, wire.End, nil)
			return
		}
		wire.WriteJSON(conn, wire.Fail, wire.FailHead{
			Class: wire.ClassInit, Message: "the function's restore hook failed", Body: body, LogTail: g.log.since(0),
		})
	case <-g.dead:
		g.sendDeath(conn)
	}
}

// note looks for the function's random generators before a snapshot is made, when time does not matter: every instance that
// comes from it then need not look for them, only change them.
func (g *guest) note(conn net.Conn) {
	g.log.flush() // else every instance that comes from it would write that again
	found, head := map[int]reseed.Places{}, wire.PreparedHead{}
	for _, pid := range g.processes() {
		places, err := reseed.Find(pid)
		if err != nil && !reseed.Gone(err) {
			wire.WriteJSON(conn, wire.Fail, wire.FailHead{Class: wire.ClassInit, Message: fmt.Sprintf("the function's random generators could not be looked for: process %d: %v", pid, err)})
			return
		}
		found[pid] = places
		head.Repeats = cmp.Or(head.Repeats, places.Repeats, reseed.Repeats(pid))
	}
	g.mu.Lock()
	g.generators = found
	g.mu.Unlock()
	debug.FreeOSMemory() // what the search took would be in the snapshot, and be read and written at each restore
	wire.WriteJSON(conn, wire.End, head)
}

// renew gives every process of the function random generators of its own.
func (g *guest) renew() error {
	g.mu.Lock()
	known := g.generators
	g.mu.Unlock()
	for _, pid := range g.processes() {
		if _, err := reseed.Process(pid, known[pid]); err != nil && !reseed.Gone(err) {
			return fmt.Errorf("process %d: %w", pid, err)
		}
	}
	return nil
}

// processes are all others of the PID namespace, or, without one, the function's main process.
func (g *guest) processes() (pids []int) {
	if os.Getpid() != 1 {
		return []int{g.child.pid}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != 1 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stir mixes bytes into the kernel's pool, which any user may. Two instances share that pool, so it only adds to it.
func stir(entropy []byte) {
	f, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err != nil {
		return // an image without /dev/urandom still has getrandom(2)
	}
	f.Write(entropy)
	f.Close()
}
