package jobs

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// State is where a job is in its life.
type State string

// The states of a job: queued → running → one of the four ends; running → queued when it is to be tried again.
const (
	Queued    State = "queued"
	Running   State = "running"
	Completed State = "completed" // file and digest are durable
	Failed    State = "failed"    // the function refused it or broke in a way that trying again does not mend
	Cancelled State = "cancelled"
	Dead      State = "dead" // retries are used up: the dead-letter list
)

// States lists all of them in the order of a job's life.
var States = []State{Queued, Running, Completed, Failed, Cancelled, Dead}

// Ended tells whether nothing more happens to a job by itself.
func (s State) Ended() bool { return s != Queued && s != Running }

// Valid tells whether s is one of States.
func (s State) Valid() bool {
	for _, v := range States {
		if s == v {
			return true
		}
	}
	return false
}

// Job is one record. Times are UTC with microseconds; a zero time has not happened.
type Job struct {
	ID        string          `json:"id"`  // UUIDv7: sorts by time of submission
	Rev       int64           `json:"rev"` // counts changes; Store.Swap compares it
	Model     string          `json:"model"`
	Function  string          `json:"function"`
	Qualifier string          `json:"qualifier,omitempty"` // version or alias of the function
	Client    string          `json:"client"`
	Priority  Priority        `json:"priority"`
	State     State           `json:"state"`
	Reason    string          `json:"reason,omitempty"` // why a queued job waits, in words
	Request   json.RawMessage `json:"request"`          // what the record keeps of it; Store.Payload has all
	Left      []string        `json:"left,omitempty"`   // fields that it does not keep: files
	Inputs    []string        `json:"inputs,omitempty"` // files beside the event, by upload
	Batch     string          `json:"batch,omitempty"`
	Key       string          `json:"key,omitempty"`     // idempotency key, unique per client
	KeyHash   string          `json:"keyHash,omitempty"` // of the request that Key came with

	Created  time.Time `json:"created"`
	Ready    time.Time `json:"ready"`             // not before; moved by a backoff
	Deadline time.Time `json:"deadline,omitzero"` // must have ended by then
	Started  time.Time `json:"started,omitzero"`  // of the latest attempt
	Finished time.Time `json:"finished,omitzero"` // entered an ended state

	Work          float64       `json:"work,omitempty"`   // how much there is to do: what its time grows with, in a unit of the model's; 0: not known
	Stream        bool          `json:"stream,omitempty"` // chunks are wanted while the clip is made
	Attempts      int           `json:"attempts"`         // that failed or are running
	MaxAttempts   int           `json:"maxAttempts"`      //
	Interruptions int           `json:"interruptions"`    // attempts that ended because a node did
	CancelAsked   bool          `json:"cancelAsked,omitempty"`
	Token         int64         `json:"token"`           // of the latest claim; grows with each
	Lease         *Lease        `json:"lease,omitempty"` // while running
	Progress      spec.Progress `json:"progress"`        // latest known, without its preview
	Problem       *Problem      `json:"problem,omitempty"`
	Result        *Result       `json:"result,omitempty"`
	Hook          *Hook         `json:"hook,omitempty"`
	Asked         string        `json:"asked,omitempty"`      // digest of what was asked, and of what answers; "": not to be used again
	AskedLoose    string        `json:"askedLoose,omitempty"` // the same without what was drawn
	Around        string        `json:"around,omitempty"`     // as Asked, without the prompt
	AroundLoose   string        `json:"aroundLoose,omitempty"`
	Timing        *Timing       `json:"timing,omitempty"` // of the latest attempt that was answered
	GPUs          int           `json:"gpus,omitempty"`   // that the latest attempt has
	Took          float64       `json:"took,omitempty"`   // seconds of the latest attempt that has ended
	Ran           float64       `json:"ran,omitempty"`    // seconds of all attempts that have ended
	GPURan        float64       `json:"gpuRan,omitempty"` // the same, each times the GPUs that it had
	Trace         *Trace        `json:"trace,omitempty"`  // nil: nobody sees it
}

// Decode reads a record as a store keeps it.
func Decode(data []byte) (j Job, err error) {
	if err := json.Unmarshal(data, &j); err != nil {
		return Job{}, fmt.Errorf("a job's record cannot be read: %w (%w)", err, errdefs.ErrDataLoss)
	}
	return j, nil
}

// Timing says where an attempt's time went before its function had the event, in seconds, and who answered it.
type Timing struct {
	Version  string  `json:"version,omitempty"` // of the function
	Cold     bool    `json:"cold"`
	Snapshot bool    `json:"snapshot,omitempty"`
	Queue    float64 `json:"queue_seconds,omitempty"` // for an instance
	Evict    float64 `json:"evict_seconds,omitempty"`
	Create   float64 `json:"create_seconds,omitempty"`
	Start    float64 `json:"start_seconds,omitempty"`
	Restore  float64 `json:"restore_seconds,omitempty"`
	Init     float64 `json:"init_seconds,omitempty"`
	GPUs     int     `json:"gpus,omitempty"` // that the instance had
}

// Starting is how long the attempt waited for its instance to come up, in seconds.
func (t *Timing) Starting() float64 {
	if t == nil {
		return 0
	}
	return t.Queue + t.Evict + t.Create + t.Start + t.Restore + t.Init
}

// timing is what the runtime says of an answer.
func timing(r *spec.Result, gpus int) *Timing {
	p := r.Phases
	return &Timing{
		Version: r.Version, Cold: p.Cold, Snapshot: p.Snapshot, Queue: p.Queue.Seconds(), Evict: p.Evict.Seconds(), Create: p.Create.Seconds(),
		Start: p.Start.Seconds(), Restore: p.Restore.Seconds(), Init: p.Init.Seconds(), GPUs: gpus,
	}
}

// Lease says which node runs a job. Token is the claim's: it fences older claims off.
type Lease struct {
	Node  string    `json:"node"`
	Token int64     `json:"token"`
	Until time.Time `json:"until"`
}

// Problem says why a job's latest attempt did not succeed.
type Problem struct {
	Kind      string `json:"kind"`             // "function", "invalid", "timeout", "deadline", "unavailable", "disk-full", "interrupted"
	Detail    string `json:"detail"`           // one sentence
	Status    int    `json:"status,omitempty"` // HTTP status the function answered with, or that which refused to ask it
	Body      string `json:"body,omitempty"`   // the function's own error body, at most 4 KiB
	Log       string `json:"log,omitempty"`    // the last lines it logged
	Retryable bool   `json:"retryable"`
}

// Result is a finished clip.
type Result struct {
	File        string  `json:"file"` // name under the outputs directory
	Size        int64   `json:"size"`
	SHA256      string  `json:"sha256"`
	ContentType string  `json:"contentType"`
	Removed     bool    `json:"removed,omitempty"` // retention took the files
	Pieces      []Piece `json:"pieces,omitempty"`  // beside the clip
}

// Hook is a webhook and how far its delivery is.
type Hook struct {
	URL       string    `json:"url"`
	Due       time.Time `json:"due,omitzero"` // next attempt; zero: none is due
	Attempts  int       `json:"attempts"`
	Delivered time.Time `json:"delivered,omitzero"`
	Error     string    `json:"error,omitempty"`
}

// Files are what a job names in the folder of outputs: its clip and the pieces beside it, and the files that its event names.
func (j Job) Files() []string {
	var names []string
	if j.Result != nil && !j.Result.Removed {
		names = append(names, j.Result.files()...)
	}
	for _, id := range j.Inputs {
		names = append(names, inputDir+"/"+j.ID+"."+id)
	}
	return names
}

// Seconds is how long the latest attempt ran; 0 before the job has ended, and where none began. What a job waited after its attempt had
// ended, for another that did not come since it was cancelled or its deadline passed, is not counted. Records of before attempts were
// timed have the time to the end, but no more than all attempts took.
func (j Job) Seconds() float64 {
	if j.Finished.IsZero() || j.Started.IsZero() {
		return 0
	}
	if j.Took > 0 {
		return j.Took
	}
	s := max(0, j.Finished.Sub(j.Started).Seconds())
	if j.Ran > 0 {
		s = min(s, j.Ran)
	}
	return s
}

// Spent is how long all attempts that have ended ran, and the same times their GPUs. Records of before attempts were counted
// have their last one's.
func (j Job) Spent() (seconds, gpuSeconds float64) {
	if j.Ran > 0 {
		return j.Ran, j.GPURan
	}
	s := j.Seconds()
	if j.Timing != nil {
		gpuSeconds = s * float64(j.Timing.GPUs)
	}
	return s, gpuSeconds
}

// spend counts the attempt that has ended at a moment.
func (j Job) spend(at time.Time) Job {
	if j.State == Running {
		d := max(at.Sub(j.Started).Seconds(), 1e-6) // what of it is not known is told from what was not timed
		j.Took = d
		j.Ran += d
		j.GPURan += d * float64(j.GPUs)
	}
	return j
}

// stamp gives a time in UTC and microseconds, which is what every store keeps.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
