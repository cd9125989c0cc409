package jobs

import "encoding/json"

// Event is one thing that happened to a job, as watchers see it.
type Event struct {
	ID   string          `json:"id"`   // given by the feed; sorts within a job
	Type string          `json:"type"` // "queued", "running", "progress", "preview", or an ended state
	Data json.RawMessage `json:"data"`
}

// Ended tells whether this is the last event of a job.
func (e Event) Ended() bool { s := State(e.Type); return s.Valid() && s.Ended() }
