package guest

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
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

// renew gives every process of the function random generators of its own.
func (g *guest) renew() error {
	for _, pid := range g.processes() {
		if _, err := reseed.Process(pid); err != nil && !reseed.Gone(err) {
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
