// Package sandboxtest is what every sandbox driver must do, as a test suite, and a scripted fake that does it without
// processes. Run it from a driver's test:
//
//	func TestConformance(t *testing.T) {
//		bin := sandboxtest.Build(t)
//		sandboxtest.Run(t, func(t *testing.T) sandboxtest.Subject { … })
//	}
package sandboxtest
