package sqlite

import (
	"context"
	"time"
)

// checkpointEvery is how often the log is carried over into the file.
const checkpointEvery = time.Second

// checkpoints carries the write-ahead log over into the file on a connection of its own. SQLite by itself does so within
// the commit that fills the log, which then takes a hundred times as long as the others; a passive checkpoint blocks
// nobody.
func (s *Store) checkpoints() {
	defer close(s.kept)
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		if !s.dirty.Swap(false) {
			continue
		}
		if _, err := s.upkeep.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
			s.dirty.Store(true) // a full disk, say: commits tell it, the log keeps everything until this succeeds
		}
	}
}
