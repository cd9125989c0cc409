package jobs

import (
	"container/list"
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// shelf finds completed jobs by what was asked of them, so that the same need not be made twice. It is an index of records in
// memory: a start reads them again, and each find is held to its record and its file.
type shelf struct {
	mu    sync.Mutex
	ids   map[string]*list.Element // by key
	order *list.List               // of shelved, the latest used first
	about map[string][]string      // jobs' ids by what was asked but for the prompt, the latest last
	stats KeptStats
}

type shelved struct{ key, id string }

// KeptStats is what the index has done since the start.
type KeptStats struct {
	Entries      int     `json:"entries"`
	Hits         int64   `json:"hits"`          // the same request
	Similar      int64   `json:"similar"`       // one of a prompt that is alike
	Misses       int64   `json:"misses"`        // of either
	SavedSeconds float64 `json:"saved_seconds"` // that the jobs which were found again took
	ServedBytes  int64   `json:"served_bytes"`  // of the clips that were found again
	Vectors      int     `json:"vectors"`       // of prompts, on the disk
	VectorBytes  int64   `json:"vector_bytes"`
}

// maxKept is how many keys the index holds.
const maxKept = 200_000

func newShelf() *shelf {
	return &shelf{ids: map[string]*list.Element{}, order: list.New(), about: map[string][]string{}}
}

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
	for _, key := range []string{j.Around, j.AroundLoose} {
		if key == "" || slices.Contains(k.about[key], j.ID) || len(k.about) >= maxKept && k.about[key] == nil {
			continue
		}
		all := append(k.about[key], j.ID)
		k.about[key] = all[max(0, len(all)-maxSimilar):]
	}
}

// near gives the jobs under a key that were asked the same but for the prompt, the latest first.
func (k *shelf) near(key string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := slices.Clone(k.about[key])
	slices.Reverse(all)
	return all
}

// part takes a job from under a key of near.
func (k *shelf) part(key, id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.about[key] = slices.DeleteFunc(k.about[key], func(x string) bool { return x == id })
	if len(k.about[key]) == 0 {
		delete(k.about, key)
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

// count counts a request that was looked for: found or nil.
func (k *shelf) count(found *Job, hits func(*KeptStats) *int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if found == nil {
		k.stats.Misses++
		return
	}
	*hits(&k.stats)++
	k.stats.SavedSeconds += found.Seconds()
	k.stats.ServedBytes += found.Result.Size
}

// Kept gives a completed job by what was asked of it, a Submit's Asked or AskedLoose, whose clip is there and for which may
// says yes; false where there is none. It counts nothing: CountKept does.
func (s *Service) Kept(ctx context.Context, key string, may func(Job) bool) (Job, bool) {
	id, ok := s.shelf.find(key)
	if ok {
		j, err := s.deps.Store.Get(ctx, id)
		there := err == nil && j.State == Completed && j.Result != nil && !j.Result.Removed && (j.Asked == key || j.AskedLoose == key) && s.hasFile(j)
		if !there {
			s.shelf.drop(key)
		}
		if there && may(j) {
			return j, true
		}
	}
	return Job{}, false
}

// CountKept counts what became of a request that was looked for: which job's clip was its answer, that of the same request or one of
// a prompt that is alike, or nil for none.
func (s *Service) CountKept(found *Job, alike bool) {
	s.shelf.count(found, func(st *KeptStats) *int64 {
		if alike {
			return &st.Similar
		}
		return &st.Hits
	})
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
	st.Vectors, st.VectorBytes = s.vectors.size()
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
