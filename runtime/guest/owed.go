package guest

import "time"

// afterword is how long the end of an answer waits for the function to ask for the next event, when its log is wanted.
const afterword = 2 * time.Second

// owe notes an exchange whose end waits for the last lines of its log.
func (g *guest) owe(x *exchange) {
	g.mu.Lock()
	g.owed = append(g.owed, x)
	g.mu.Unlock()
	time.AfterFunc(afterword, x.settle) // of a function that goes on by itself, what there is
}

// onPoll hears that the function asks for an event: it has done with the last one, log and all.
func (g *guest) onPoll() {
	g.mu.Lock()
	owed, reports := g.owed, len(g.reports)
	g.owed = nil
	g.mu.Unlock()
	if len(owed)+reports == 0 {
		return
	}
	g.log.settle(settling)
	for _, x := range owed {
		x.settle()
	}
	g.writeReports()
}
