// Package snapshotter keeps warm state without knowing what a function is. What a snapshot depends on (Key) and what goes
// wrong with one are here. Below: catalog lists, verifies and removes snapshots; criu knows the program that makes
// processes into files and back; cuda moves device memory in and out of them. Taking a container apart and putting it
// together again is the sandbox's part (Checkpointer and Restorer of runtime/instance), which runs criu through its own
// runtime.
package snapshotter

// Capability is what a part can do on this machine, found out by trying.
type Capability struct {
	Driver  string `json:"driver"`
	OK      bool   `json:"ok"`
	Version string `json:"version,omitempty"`
	Reason  string `json:"reason,omitempty"` // why not, in one sentence
	Fix     string `json:"fix,omitempty"`    // the command that helps
}
