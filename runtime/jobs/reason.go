package jobs

import "fmt"

// Reason says in words why a job waits: what holds it whoever else waits, else what its last attempt left. It is "" of a job
// that only waits for its turn.
func (s *Service) Reason(j Job) string {
	if j.State != Queued {
		return j.Reason
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.full:
		return "the disk of clips is full: jobs start again once there is room"
	case s.served != nil && !s.served[j.Model]:
		return fmt.Sprintf("this server has no function with the model %s any more: the job starts once there is one", j.Model)
	}
	return j.Reason
}
