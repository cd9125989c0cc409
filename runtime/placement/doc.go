// Package placement is the policy of what runs where in a machine's memory: admission against a budget per memory pool,
// which idle instance to give up for another (greedy-dual), and how long an idle one is kept (from the function's own
// idle times). It is pure: facts in, decisions out; time and memory are the caller's. Whoever carries decisions out
// implements Effects.
package placement
