package spec

// State is where an instance is in its life; DESIGN's state chart is the authority.
type State string

// The states of an instance.
const (
	Absent    State = "absent"
	Staged    State = "staged"
	Starting  State = "starting"
	Restoring State = "restoring"
	Idle      State = "idle"
	Busy      State = "busy"
	Draining  State = "draining"
	Stopped   State = "stopped"
)
