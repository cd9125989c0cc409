package waver

import "github.com/videosdgx/videosdgx/functions/serve"

// Entry is what this family hands over.
func Entry() serve.Family {
	return serve.Family{Name: Family, Classes: []string{"WaverPipeline"}, Recipe: Recipe, Open: Open}
}
