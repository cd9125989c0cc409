package guest

import (
	"encoding/json"
	"net"
	"os"

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

// stir mixes bytes into the kernel's pool, which any user may. Two instances share that pool, so it only adds to it.
func stir(entropy []byte) {
	f, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err != nil {
		return // an image without /dev/urandom still has getrandom(2)
	}
	f.Write(entropy)
	f.Close()
}
