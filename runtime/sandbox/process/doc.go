// Package process is the sandbox driver for development, CI and machines without root: videosdgx-init and the function run
// as plain child processes in a session of their own. The code above it is the same as for containers; what is not
// isolated is in Info().Lacks.
//
// An instance outlives the control plane that made it. Each has a folder with a record of its process (id, start time), by
// which a later control plane finds it again; all its processes carry the instance's id in their environment, by which
// those that have left the session are found and ended with it.
package process
