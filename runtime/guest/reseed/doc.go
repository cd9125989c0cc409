// Package reseed gives a process that has come back from a snapshot randomness of its own. The kernel's generator is always
// fresh, but runtimes keep generators in their memory, and two instances from one snapshot would continue the same
// sequences. No interface reaches them from outside, so init finds them in the function's memory and renews them, before
// the function gets its first event:
//
//   - Go's ChaCha8 generators, which math/rand draws from (chacha8.go);
//   - OpenSSL's DRBGs, which Node.js and Python draw from (openssl.go);
//   - what Node.js keeps in JavaScript, through a script that it loads at its start (node.go); bytes that a library fetched
//     ahead are out of its reach, and it says so;
//   - what Python keeps in random, NumPy and SQLite, through a script that answers a signal (python.go).
//
// Of everything else Repeats says that it would draw the same numbers (repeats.go).
//
// Generators that a program seeded itself cannot be told from the runtime's, in Go (rand.NewChaCha8) and in Python
// (random.Random(1)), and are renewed as well: a sequence that must repeat has to be seeded per event.
package reseed
