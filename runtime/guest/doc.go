// Package guest is what runs inside an instance: PID 1's duties around the Runtime API. It starts the function, reaps
// orphans, forwards signals, keeps the log, and answers the exchanges of package wire on init.sock. Its import closure is
// the standard library and this module's own leaves, so that videosdgx-init stays small and static.
package guest
