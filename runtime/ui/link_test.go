package ui

import (
	"slices"
	"strings"
	"testing"
)

func TestTheFirstModulesAreOne(t *testing.T) {
	all, err := link(map[string]string{
		"app.js":         "import { b as mine, two } from './b.js';\nimport { h } from './vendor/h-p.js';\nawait mine(h);\nimport('./late.js');\n",
		"b.js":           "// says b\nimport { c } from './c.js';\nexport const b = (x) => c + x;\nexport async function two() {}\nconst own = 1;\n",
		"c.js":           "const a = 1;\nexport class c {}\nexport { a };\n",
		"vendor/h-p.js":  "var e=1;function f(){}export{e as h,f};",
		"late.js":        "import { b, two as second } from './b.js';\nimport { later } from './later.js';\nexport const Late = b(second, later);\n",
		"later.js":       "export const later = 1;\n",
		"vendor/plot.js": "export { p as default };",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `// c.js
let c_js; {
const a = 1;
class c {}
c_js = { c, a };
}
// b.js
let b_js; {
// says b
const { c } = c_js;
const b = (x) => c + x;
async function two() {}
const own = 1;
b_js = { b, two };
}
// vendor/h-p.js
let vendor_h_p_js; {
var e=1;function f(){}
vendor_h_p_js = { h: e, f };
}
// app.js
let app_js; {
const { b: mine, two } = b_js;
const { h } = vendor_h_p_js;
await mine(h);
import('./late.js');
app_js = {  };
}
export { b_js, c_js, vendor_h_p_js };
`
	if got := all["app.js"]; got != want {
		t.Errorf("the first module is\n%s", got)
	}
	if got, want := all["late.js"], "import { b_js } from './app.js';\nconst { b, two: second } = b_js;\nimport { later } from './later.js';\nexport const Late = b(second, later);\n"; got != want {
		t.Errorf("the later one is\n%s", got)
	}
	if got := slices.Sorted(slices.Values(keysOf(all))); !slices.Equal(got, []string{"app.js", "late.js", "later.js", "vendor/plot.js"}) {
		t.Errorf("there are %v", got)
	}
}

func keysOf(m map[string]string) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

func TestWhatCannotBeLinkedIsRefused(t *testing.T) {
	for want, from := range map[string]map[string]string{
		"no module":           {"app.js": "import { a } from './gone.js';\n"},
		"in a circle":         {"app.js": "import { a } from './b.js';\n", "b.js": "import { b } from './c.js';\n", "c.js": "import { a } from './b.js';\n"},
		"does not export":     {"app.js": "import { x } from './b.js';\n", "b.js": "export const a = 1;\n"},
		"has the line":        {"app.js": "import a from './b.js';\n", "b.js": "export default 1;\n"},
		"export let a":        {"app.js": "export let a = 1;\n"},
		"later.js imports x ": {"app.js": "import { a } from './b.js';\n", "b.js": "export const a = 1;\n", "later.js": "import { x } from './b.js';\n"},
	} {
		if _, err := link(from); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
