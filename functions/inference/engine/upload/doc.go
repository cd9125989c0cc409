// Package upload brings weights from files to a device's memory: all that a graph takes of its files as one row of pieces, each
// read by whichever thread is free into memory that the device copies from, and copied while the next are read. Weights are not
// told apart on the way: a file's place decides where a piece goes, so that many small weights take no longer than one large one.
//
// What a device is belongs to whoever calls: see Device. Nothing here knows a library or C.
package upload
