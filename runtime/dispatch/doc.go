// Package dispatch brings invocations to instances. Each version of a function that is in use has a pool: its instances,
// and a bounded first-in-first-out queue of invocations that wait for one. A cold start is single-flight: however many
// invocations arrive, no more instances start than are needed and allowed, and all others wait for them.
//
// Above the pools stand admission to the machine's memory (package placement decides, room acts), the choice between a
// plain start and a snapshot (choose), changes of functions (change), and the recovery of instances that an earlier
// control plane left (recover).
//
// Locks are taken in this order: room, Dispatcher.mu, pool.mu. Nothing blocks under pool.mu.
package dispatch
