// Package sqlite keeps jobs in one file: the store of a single node. It writes ahead (WAL) and syncs every commit, so a
// crash of the process or the machine at any point loses nothing that was acknowledged; a lock beside the file keeps a
// second process out. Writes that arrive together share one transaction and one sync.
package sqlite
