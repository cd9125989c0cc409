package spec

import "time"

// Alias points a name at a published version, with an optional second version that gets Weight of the calls.
type Alias struct {
	Name          string  `json:"name"`
	Function      string  `json:"function"`
	Version       string  `json:"version"`
	SecondVersion string  `json:"secondVersion,omitempty"`
	Weight        float64 `json:"weight,omitempty"` // 0…1, share of SecondVersion
	Description   string  `json:"description,omitempty"`
	Revision      string  `json:"revision"`
}

// InstanceStatus is one line of `videosdgx ps`.
type InstanceStatus struct {
	ID        string        `json:"id"`
	Function  string        `json:"function"`
	Version   string        `json:"version"`
	State     State         `json:"state"`
	Since     time.Time     `json:"since"`   // in this state
	Started   time.Time     `json:"started"` // zero while staged
	Served    int64         `json:"served"`  // invocations
	InFlight  int           `json:"inFlight"`
	StartedBy string        `json:"startedBy,omitempty"` // "plain" or "snapshot"
	Cold      time.Duration `json:"coldNanoseconds"`     // absent or staged → ready
	Memory    Bytes         `json:"memory"`
	GPUs      []string      `json:"gpus,omitempty"`         // the devices that it has, by CDI name or "all"
	Device    Bytes         `json:"deviceMemory,omitempty"` // that it holds on them together, as the driver says
	Engine    string        `json:"engine,omitempty"`       // that ran its model last, as the function says; "" before its first clip
	Expires   time.Time     `json:"expires,omitzero"`       // when an idle one is reaped
	Start     *StartStep    `json:"start,omitempty"`        // how far it is, while it comes up
}

// FunctionStatus is what the runtime has measured of one function.
type FunctionStatus struct {
	Function    Function      `json:"function"`
	Instances   int           `json:"instances"`
	Queued      int           `json:"queued"`
	Invocations int64         `json:"invocations"`
	Errors      int64         `json:"errors"`
	ColdStarts  int64         `json:"coldStarts"`
	PlainStart  time.Duration `json:"plainStartNanoseconds"` // measured median; 0: never
	Restore     time.Duration `json:"restoreNanoseconds"`    // measured median; 0: never
	Chosen      string        `json:"chosen,omitempty"`      // "plain" or "snapshot"
	KeepAlive   time.Duration `json:"keepAliveNanoseconds"`  // in force now
	Fault       string        `json:"problem,omitempty"`     // why its manifest on disk is not what serves, or why its image cannot be had
}
