// Package reseed gives a process that has come back from a snapshot randomness of its own. The kernel's generator is always
// fresh, but runtimes keep generators in their memory, and two instances from one snapshot would continue the same
// sequences. No interface reaches them from outside, so init finds them in the function's memory and renews them, before
// the function gets its first event:
//
//   - Go's ChaCha8 generators, which math/rand draws from (chacha8.go);
//   - OpenSSL's DRBGs, which Node.js and Python draw from (openssl.go);
//   - SQLite's generator, wherever it is linked in (sqlite.go);
//   - what Node.js keeps in JavaScript, in any thread or context, through a script that it loads at its start (node.go); bytes
//     that a library fetched ahead are out of its reach, and it says so by a mark (mark.go);
//   - what Python keeps in random and NumPy, through a script that answers a signal (python.go); sub-interpreters are marked.
//
// Of everything else Repeats says that it would draw the same numbers (repeats.go), as of generators that a Go program seeded
// itself (seeded.go).
//
// Others that a program seeded itself cannot be told from the runtime's, in Go (rand.NewChaCha8) and in Python
// (random.Random(1)), and are renewed as well: a sequence that must repeat has to be seeded per event.
package reseed
