package spec

// StartStep is how far an instance is on its way up.
type StartStep struct {
	Phase string `json:"phase"`                 // one of those below
	Step  int    `json:"step,omitempty"`        // 1…Steps: layers of an image
	Steps int    `json:"steps,omitempty"`       // 0: it has none
	Done  int64  `json:"done_bytes,omitempty"`  // of an image, packed
	Total int64  `json:"total_bytes,omitempty"` // 0: unknown
}

// The phases of a start, in their order. What does not happen is left out.
const (
	PhaseRoom    = "room"    // it waits until there is memory for it
	PhaseImport  = "import"  // its image comes from a folder or an archive
	PhasePull    = "pull"    // its image comes from a registry
	PhaseUnpack  = "unpack"  // layers of its image become files
	PhaseStart   = "start"   // its processes begin
	PhaseInit    = "init"    // its function gets ready for the first event
	PhaseRestore = "restore" // it comes from a snapshot
	PhaseRun     = "run"     // its function has the event
)

// Progress says the same as a running function would.
func (s StartStep) Progress() Progress {
	return Progress{Phase: s.Phase, Step: s.Step, Steps: s.Steps, Done: s.Done, Total: s.Total}
}
