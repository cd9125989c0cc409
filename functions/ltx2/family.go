package ltx2

import "github.com/videosdgx/videosdgx/functions/serve"

// Entry is what this family hands over.
func Entry() serve.Family {
	return serve.Family{
		Name: Family, Classes: []string{"LTX2Pipeline", "LTX2ImageToVideoPipeline", "LTX2ConditionPipeline"}, Recipe: Recipe, Open: Open,
		Tiny:    WriteTiny,
		Presets: []string{eightStep},
	}
}
