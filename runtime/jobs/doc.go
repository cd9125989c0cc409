// Package jobs is the durable queue: it takes generate requests, decides which runs next, runs them through a Runner,
// reports progress, and keeps records and results so that a crash at any point loses none and finishes none twice.
//
// A Job's record lives in a Store and is only ever changed by comparing and swapping its revision; that, with a token per
// claim, is what keeps a late node from finishing a job that another has taken over. A job is completed only when its
// file lies under its final name, synced, and its digest is in the record. Which job runs next is decided by pure
// functions (policy.go, plan.go). The package knows neither HTTP nor any driver.
package jobs
