// Package redis keeps jobs in Redis (6 or later) or Valkey: the store of several nodes that serve one queue. Every change
// is one Lua script that compares the record's revision and moves its index entries with it, so that records and indexes
// cannot part. Changes and events are published, so that any node answers for any job at once.
//
// What was acknowledged survives a crash of Redis as far as Redis itself is durable: run it with appendonly yes and
// appendfsync always; with everysec up to a second is lost when its machine dies (not when only the process does).
package redis
