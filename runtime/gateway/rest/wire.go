package rest

import (
	"encoding/json"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// settings are the fields of a submission that are the queue's, beside those of the model's own schema.
type settings struct {
	Priority    jobs.Priority `json:"priority,omitempty" doc:"high, normal (default) or low"`
	Deadline    int64         `json:"deadline_seconds,omitempty" min:"1" max:"604800" doc:"The job must have ended by then; default 86400"`
	MaxAttempts int           `json:"max_attempts,omitempty" min:"1" max:"10" doc:"Default 3"`
	Stream      bool          `json:"stream,omitempty" doc:"Chunks can be watched while the clip is made, of any model; some stream without being asked"`
	Version     string        `json:"version,omitempty" max:"128" pattern:"^([$]LATEST|[0-9A-Za-z_-]+)$" doc:"A published version of the model's function, or an alias of it, whose weights choose; default $LATEST"`
	Webhook     string        `json:"webhook,omitempty" max:"2048" pattern:"^https?://[0-9A-Za-z][0-9A-Za-z.-]*(:[0-9]{1,4})?(/([!-$&-~]|%[0-9A-Fa-f]{2})*)?$" doc:"http(s) address that is called when the job has ended, signed as Standard Webhooks; private addresses must be listed in the server's outgoing setting"`
}

// jobChange is what PATCH /jobs/{id} takes.
type jobChange struct {
	Priority jobs.Priority `json:"priority" required:"true" doc:"high, normal or low"`
}

type jobView struct {
	ID            string          `json:"id"`
	Model         string          `json:"model"`
	Status        jobs.State      `json:"status" doc:"queued, running, completed, failed, cancelled or dead"`
	Version       string          `json:"version,omitempty" doc:"Or alias that was asked for; timing says which version answered"`
	Reason        string          `json:"reason,omitempty" doc:"Why a queued job waits"`
	Priority      jobs.Priority   `json:"priority"`
	Client        string          `json:"client,omitempty"`
	Batch         string          `json:"batch,omitempty"`
	Created       time.Time       `json:"created_at"`
	Started       time.Time       `json:"started_at,omitzero"`
	Finished      time.Time       `json:"finished_at,omitzero"`
	Deadline      time.Time       `json:"deadline,omitzero"`
	Seconds       float64         `json:"duration_seconds,omitempty"`
	Position      int             `json:"position,omitempty" doc:"In the queue; 1 starts next"`
	ETA           *float64        `json:"eta_seconds,omitempty" doc:"Expected until it has ended, from measured times"`
	Attempts      int             `json:"attempts"`
	MaxAttempts   int             `json:"max_attempts"`
	Interruptions int             `json:"interruptions,omitempty" doc:"Attempts that ended because a server did"`
	Progress      *spec.Progress  `json:"progress,omitempty"`
	Request       json.RawMessage `json:"request" doc:"As accepted, without files"`
	Files         []string        `json:"files,omitempty" doc:"Fields of the request that were files"`
	Result        *resultView     `json:"result,omitempty"`
	Error         *jobs.Problem   `json:"error,omitempty"`
	Webhook       *hookView       `json:"webhook,omitempty"`
	Timing        *jobs.Timing    `json:"timing,omitempty" doc:"Where the time before the function had the latest attempt went"`
	Similar       *similarView    `json:"similar,omitempty" doc:"In an answer to Prefer: similar alone: the clip is that of request's prompt, which is like the one that was asked for"`
	Notes         []string        `json:"notes,omitempty" doc:"Preferences of this request that could not be read and were passed over, each with what would do"`
	Links         links           `json:"links"`
}

// similarView says that a clip was not made for what was asked.
type similarView struct {
	Similarity float64 `json:"similarity" doc:"Of the two prompts, by the model's text encoder; 1 is the same"`
	Asked      string  `json:"asked" doc:"The prompt that was asked for"`
}

type similarJob struct {
	Similarity float64 `json:"similarity" doc:"Of its prompt and the one that was asked for"`
	Job        jobView `json:"job"`
}

type similarList struct {
	Similar []similarJob `json:"similar" doc:"The most alike first"`
}

type resultView struct {
	Size        int64       `json:"size_bytes"`
	SHA256      string      `json:"sha256"`
	ContentType string      `json:"content_type"`
	Removed     bool        `json:"removed,omitempty" doc:"Retention took the clip"`
	Pieces      []pieceView `json:"pieces,omitempty" doc:"What the model gave beside the clip; ?piece=NAME on its download gives one"`
}

type pieceView struct {
	Name        string `json:"name"`
	Size        int64  `json:"size_bytes"`
	SHA256      string `json:"sha256"`
	ContentType string `json:"content_type"`
}

type links struct {
	Self     string `json:"self"`
	Events   string `json:"events"`
	Download string `json:"download,omitempty"`
	Stream   string `json:"stream,omitempty" doc:"HLS playlist of the clip's chunks, while it is made and afterwards"`
}

type jobList struct {
	Batch string    `json:"batch,omitempty"`
	Jobs  []jobView `json:"jobs"`
	Next  string    `json:"next,omitempty" doc:"Give it as before to get the next page"`
}

type healthView struct {
	Status string `json:"status" doc:"ok"`
}

type readyView struct {
	Ready  bool   `json:"ready"`
	Model  string `json:"model"`
	Status string `json:"status" doc:"loaded, unloaded or broken"`
	Fault  string `json:"problem,omitempty"`
}

type infoView struct {
	Model       string          `json:"model"`
	Function    string          `json:"function"`
	Version     string          `json:"version,omitempty"`
	Description string          `json:"description,omitempty"`
	Status      string          `json:"status" doc:"loaded, unloaded or broken"`
	Fault       string          `json:"problem,omitempty"`
	Port        int             `json:"port,omitempty" doc:"Its own REST port"`
	Concurrency int             `json:"concurrency"`
	Timeout     float64         `json:"timeout_seconds,omitempty" doc:"Of one attempt"`
	Schema      json.RawMessage `json:"schema" doc:"JSON Schema of a request, with the model's limits and defaults"`
	Details     json.RawMessage `json:"details,omitempty" doc:"What its bundle says of it"`
}

type modelList struct {
	Models []infoView `json:"models"`
}

type loraList struct {
	LoRAs []loraView `json:"loras"`
}

type loraView struct {
	Name string `json:"name"`
}

type metricsView struct {
	Model        string      `json:"model"`
	Total        int64       `json:"total_inferences"`
	Successful   int64       `json:"successful"`
	Failed       int64       `json:"failed"`
	Cancelled    int64       `json:"cancelled"`
	AvgSeconds   float64     `json:"avg_duration_seconds"`
	MinSeconds   float64     `json:"min_duration_seconds"`
	MaxSeconds   float64     `json:"max_duration_seconds"`
	Last         []jobs.Last `json:"last_10"`
	Prompts      promptSizes `json:"prompt_sizes"`
	Queue        queueView   `json:"queue"`
	Memory       memoryView  `json:"memory"`
	Status       string      `json:"model_status" doc:"loaded, unloaded or broken"`
	LastUse      *time.Time  `json:"last_use"`
	TimeToUnload *float64    `json:"time_to_auto_unload_seconds" doc:"null while it is in use, unloaded, or kept"`
}

type promptSizes struct {
	Avg float64 `json:"avg_bytes"`
	Min int64   `json:"min_bytes"`
	Max int64   `json:"max_bytes"`
}

type queueView struct {
	Queued  int  `json:"queued"`
	Running int  `json:"running"`
	Held    bool `json:"held,omitempty" doc:"The disk is full: jobs wait"`
}

type memoryView struct {
	Bytes     int64 `json:"model_bytes" doc:"Of the model's instances"`
	Instances int   `json:"instances"`
}

// Stand-ins for bodies that no wire type describes.
type (
	eventStream    struct{}
	clip           struct{}
	playlistText   struct{}
	prometheusText struct{}
	anObject       struct{} // JSON of no fixed form
	modelRequest   struct{} // what the models' schemas say
	modelBatch     struct{} // many of them
	anyBytes       struct{} // a file
	table          struct{} // CSV
)
