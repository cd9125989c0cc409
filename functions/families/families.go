// Package families lists the model families that there are: a new one adds its line here, and every command knows it.
package families

import (
	"github.com/videosdgx/videosdgx/functions/ltx2"
	"github.com/videosdgx/videosdgx/functions/magi1"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan21"
	"github.com/videosdgx/videosdgx/functions/wan22"
	"github.com/videosdgx/videosdgx/functions/waver"
)

// All are the families of this tree.
func All() serve.Families {
	return serve.Families{
		wan21.Entry(),
		wan22.Entry(),
		waver.Entry(),
		magi1.Entry(),
		ltx2.Entry(),
	}
}
