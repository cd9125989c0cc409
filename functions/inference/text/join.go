package text

import (
	"container/heap"
	"slices"
)

// symbol is what stands at a place while pairs are joined. The places of what was joined to its left are taken over.
type symbol struct {
	id         int32
	text       string // for models that look pairs up by what they spell
	frozen     bool   // is joined to nothing
	left, next int    // neighbours' places, −1 at the ends
	gone       bool
}

// candidate is a pair that may be joined: of equal ranks the leftmost.
type candidate struct {
	at int
	merge
}

type candidates []candidate

func (c candidates) Len() int { return len(c) }
func (c candidates) Less(i, j int) bool {
	return c[i].rank < c[j].rank || c[i].rank == c[j].rank && c[i].at < c[j].at
}
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *candidates) Push(x any)   { *c = append(*c, x.(candidate)) }
func (c *candidates) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

// joined joins the best pair until there is none. A candidate whose symbols have been joined to others since is passed over.
func joined(all []symbol, find func(l, r symbol) (merge, bool)) []symbol {
	queue := make(candidates, 0, len(all))
	consider := func(at int) {
		if at < 0 || all[at].next < 0 {
			return
		}
		if m, ok := find(all[at], all[all[at].next]); ok {
			heap.Push(&queue, candidate{at, m})
		}
	}
	for i := range all {
		all[i].left, all[i].next = i-1, i+1
	}
	if len(all) > 0 {
		all[len(all)-1].next = -1
	}
	for i := range all {
		consider(i)
	}
	for len(queue) > 0 {
		c := heap.Pop(&queue).(candidate)
		l := &all[c.at]
		if l.gone || l.next < 0 {
			continue
		}
		r := &all[l.next]
		if m, ok := find(*l, *r); !ok || m.id != c.id {
			continue
		}
		l.id, l.text = c.id, l.text+r.text
		r.gone = true
		if l.next = r.next; l.next >= 0 {
			all[l.next].left = c.at
		}
		consider(l.left)
		consider(c.at)
	}
	return slices.DeleteFunc(all, func(s symbol) bool { return s.gone })
}
