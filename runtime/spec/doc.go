// Package spec is the vocabulary that every other package of the runtime shares: functions as their manifests
// describe them, invocations and their results, and the states of an instance. It is a leaf: standard library only,
// no behaviour beyond defaults, validation and text forms. Values are immutable once handed on; copy before changing.
package spec
