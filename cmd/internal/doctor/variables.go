package doctor

import (
	"context"
	"fmt"
)

// Variable is one of the environment that a person may set, and how its value is held to what it has to be.
type Variable struct {
	Name string // with its VIDEOSDGX_
	Is   string // what it names, in a line
	Fix  string // what would do instead of a value that is wrong
	// Check says what is wrong with a value, as the end of a sentence that begins with it, and the version of what it
	// names; nil: any text will do.
	Check func(ctx context.Context, value string) (version, wrong string)
}

// Variables looks at each variable that lookup knows, and says what is wrong with its value. One that is not set is left out.
func Variables(all []Variable, lookup func(string) (string, bool)) Group {
	return func(ctx context.Context) []Finding {
		var found []Finding
		for _, v := range all {
			value, set := lookup(v.Name)
			if !set || value == "" || v.Check == nil {
				continue
			}
			f := Finding{Part: v.Name, Set: true, OK: true, Detail: value}
			var wrong string
			if f.Version, wrong = v.Check(ctx, value); wrong != "" {
				f.OK, f.Version, f.Detail, f.Fix = false, "", fmt.Sprintf("it is %s, %s", value, wrong), v.Fix
			}
			found = append(found, f)
		}
		return found
	}
}
