package magi1

import "github.com/videosdgx/videosdgx/functions/serve"

// Entry is what this family hands over.
func Entry() serve.Family {
	return serve.Family{
		Name: Family, Classes: []string{"MagiPipeline"}, Recipe: Recipe, Open: Open,
		Tiny: func(dir string) error { return WriteTiny(dir, "", 0) },
	}
}
