package access

import (
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth"
)

func TestNobodyKeepsOthersFromLoggingIn(t *testing.T) {
	now := time.Unix(1e9, 0)
	s := newSessions(func() time.Time { return now })
	bob, alice := &auth.Principal{Kind: auth.ByKey, Name: "bob"}, &auth.Principal{Kind: auth.ByKey, Name: "alice"}
	early, _ := s.open(bob)
	first, _ := s.open(alice)
	for range maxSessions {
		now = now.Add(time.Millisecond)
		s.open(alice)
	}
	late, _ := s.open(bob)
	if s.get(early) != bob || s.get(late) != bob {
		t.Error("bob's sessions are gone")
	}
	if s.get(first) != nil || len(s.all) != maxSessions {
		t.Errorf("the first of alice's is there, among %d", len(s.all))
	}
}
