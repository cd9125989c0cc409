package spec

// Storage is what one kind of a server's files uses of the disk, and of what it may.
type Storage struct {
	Kind  string `json:"kind"` // clips, models, merged models, snapshots, logs, audit
	Bytes int64  `json:"bytes"`
	Limit int64  `json:"limit,omitempty"` // of all files of the kind; 0: none
	Level string `json:"level"`           // "ok", "tight" from 95 % of the limit, "full" at it
	Free  int64  `json:"diskFree"`        // bytes of the disk that they lie on
	Size  int64  `json:"diskSize"`
	Then  string `json:"then"` // what happens at the limit
}

// tight is the part of a limit from which on somebody should know: 95 %, in hundredths.
const tight = 95

// Rated is s with its level.
func (s Storage) Rated() Storage {
	s.Level = "ok"
	switch {
	case s.Limit <= 0:
	case s.Bytes >= s.Limit:
		s.Level = "full"
	case s.Bytes >= s.Limit/100*tight+s.Limit%100*tight/100:
		s.Level = "tight"
	}
	return s
}
