package sandboxtest

import (
	"testing"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Subject is one driver under test.
type Subject struct {
	Sandbox instance.Sandbox
	// Again makes a driver on the same state, as a control plane does that starts after another one was killed. The first
	// one is not told.
	Again func(t *testing.T) instance.Sandbox
	// Echo is images/echo in the form in which the driver runs functions: a command, or an image.
	Echo spec.Function
	// Dir is an existing folder in which instances get theirs.
	Dir string
	// KillInit kills an instance's init with SIGKILL, from outside.
	KillInit func(t *testing.T, id string)
	// Traces lists in words what is left of an instance on the machine, outside its own folder: records, folders,
	// processes, mounts, namespaces, containers.
	Traces func(t *testing.T, id string) []string
}

// Run runs the suite; subject makes a fresh driver for each test and cleans up after it.
func Run(t *testing.T, subject func(t *testing.T) Subject) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.run(&rig{T: t, Subject: subject(t)})
		})
	}
}

var cases = []struct {
	name string
	run  func(*rig)
}{
	{"Lifecycle", lifecycle},
	{"Staged", staged},
	{"DoubleRemove", doubleRemove},
	{"DuplicateID", duplicateID},
	{"BadConfig", badConfig},
	{"ConcurrentCreates", concurrentCreates},
	{"List", list},
	{"Adopt", adopt},
	{"AdoptDead", adoptDead},
	{"Usage", usage},
	{"Freeze", freeze},
	{"StopStubborn", stopStubborn},
	{"ExitAtStart", exitAtStart},
	{"NoSuchCommand", noSuchCommand},
	{"KillInit", killInit},
	{"Orphans", orphans},
	{"Answers", answers},
	{"Environment", environment},
	{"Stream", stream},
	{"ExitInEvent", exitInEvent},
	{"Timeout", timeout},
	{"Cancel", cancel},
	{"CancelStubborn", cancelStubborn},
	{"EventsAtOnce", eventsAtOnce},
	{"Checkpoint", checkpoint},
}
