package jobs

import (
	"container/list"
	"context"
	"os"
	"path/filepath"
	"sync"
)

// shelf finds completed jobs by what was asked of them, so that the same need not be made twice. It is an index of records in
// memory: a start reads them again, and each find is held to its record and its file.
type shelf struct {
	mu    sync.Mutex
	ids   map[string]*list.Element // by key
	order *list.List               // of shelved, the latest used first
	stats KeptStats
}

type shelved struct{ key, id string }

// KeptStats is what the index has done since the start.
type KeptStats struct {
	Entries      int     `json:"entries"`
	Hits         int64   `json:"hits"`
	Misses       int64   `json:"misses"`
	SavedSeconds float64 `json:"saved_seconds"` // that the jobs which were found again took
}

// maxKept is how many keys the index holds.
const maxKept = 200_000

func newShelf() *shelf { return &shelf{ids: map[string]*list.Element{}, order: list.New()} }

func (k *shelf) add(j Job) {
	if j.State != Completed || j.Result == nil || j.Result.Removed {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range []string{j.Asked, j.AskedLoose} {
		if key == "" {
			continue
		}
		if e := k.ids[key]; e != nil {
			e.Value = shelved{key, j.ID}
			k.order.MoveToFront(e)
			continue
		}
		k.ids[key] = k.order.PushFront(shelved{key, j.ID})
		if k.order.Len() > maxKept {
			k.forget(k.order.Back())
		}
	}
}

// forget takes an entry out; the caller holds k.mu.
func (k *shelf) forget(e *list.Element) {
	delete(k.ids, e.Value.(shelved).key)
	k.order.Remove(e)
}

func (k *shelf) find(key string) (id string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.ids[key]
	if e == nil {
		return "", false
	}
	k.order.MoveToFront(e)
	return e.Value.(shelved).id, true
}

func (k *shelf) drop(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.ids[key]; e != nil {
		k.forget(e)
	}
}

func (k *shelf) count(hit bool, seconds float64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if hit {
		k.stats.Hits++
		k.stats.SavedSeconds += seconds
	} else {
		k.stats.Misses++
	}
}

// Kept gives a completed job by what was asked of it, a Submit's Asked or AskedLoose, whose clip is there and for which may
// says yes; false where there is none.
func (s *Service) Kept(ctx context.Context, key string, may func(Job) bool) (Job, bool) {
	id, ok := s.shelf.find(key)
	if ok {
		j, err := s.deps.Store.Get(ctx, id)
		there := err == nil && j.State == Completed && j.Result != nil && !j.Result.Removed && (j.Asked == key || j.AskedLoose == key) && s.hasFile(j)
		if !there {
			s.shelf.drop(key)
		}
		if there && may(j) {
			s.shelf.count(true, j.Seconds())
			return j, true
		}
	}
	s.shelf.count(false, 0)
	return Job{}, false
}

func (s *Service) hasFile(j Job) bool {
	_, err := os.Stat(filepath.Join(s.out.dir, filepath.Base(j.Result.File)))
	return err == nil
}

// KeptStats tells what has been found again.
func (s *Service) KeptStats() KeptStats {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	st := s.shelf.stats
	st.Entries = s.shelf.order.Len()
	return st
}

// fillShelf reads what earlier runs have made, newest first.
func (s *Service) fillShelf(ctx context.Context) {
	f := Filter{States: []State{Completed}, OldestFirst: true, Limit: 500}
	for ctx.Err() == nil {
		page, err := s.deps.Store.List(ctx, f)
		if err != nil || len(page) == 0 {
			return // what is not known is made again
		}
		for _, j := range page {
			s.shelf.add(j)
		}
		f.Before = page[len(page)-1].ID
	}
}
