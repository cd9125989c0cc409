package jobs

import "encoding/json"

// Submit is one job to be queued. What is asked of the function is opaque JSON: who takes it in has checked it.
type Submit struct {
	Model       string
	Qualifier   string // of its function: a version or an alias; "": $LATEST
	Client      string
	Priority    Priority
	Request     json.RawMessage // the body of the function's event, a JSON object
	Kept        json.RawMessage // what of it the record keeps and shows; nil: all
	Left        []string        // the fields of Request that Kept is without: files
	Given       json.RawMessage // what the client sent, by which a repeated Key is judged; nil: Request
	Asked       string          // digest of what is asked and of what answers, by which Kept finds the job again; "": it does not
	AskedLoose  string          // the same without what is drawn
	Around      string          // as Asked without the prompt, by which Similar finds the job
	AroundLoose string          // and without what is drawn
	Work        float64         // how much there is to do, for what it should take; 0: not known
	Inputs      []string        // uploads that Request names as files, by their ids
	Deadline    int64           // seconds from now; 0: the service's default
	MaxAttempts int             // 0: the service's default
	Stream      bool            // chunks are wanted while the clip is made, also of a model that does not stream by itself
	Webhook     string          // http(s) URL called when the job has ended; "": none
	Key         string          // idempotency key; in a batch, item i uses Key + "/" + i
	Replay      bool            // Key belongs to a job already, and Inputs are not there: nothing new is queued
	Batched     bool            // one of a batch, even when it is the only one
}

// Prompt is the request's prompt, for statistics and names; "" when it has none.
func (j Job) Prompt() string {
	var r struct{ Prompt string }
	_ = json.Unmarshal(j.Request, &r) // what has no prompt has none to show
	return r.Prompt
}
