// Package house holds the tests that keep the rules of the whole tree: who may import whom, and that every package says
// what it is. It has no other code.
package house
