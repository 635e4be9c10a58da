// Package deferredtest helps to test code that returns Deferreds: it takes results out of them, and makes a test fail that leaves an
// error unhandled.
//
//	func TestLookup(t *testing.T) {
//		deferredtest.Watch(t) // an error that nobody handles fails the test
//		d := lookup("example.com")
//		deferredtest.AssertNoResult(t, d)
//		answer()
//		if got := deferredtest.SuccessResultOf(t, d); got != "192.0.2.1" {
//			t.Errorf("lookup gave %q", got)
//		}
//	}
//
// Taking a result is what a callback does: it runs on the goroutine that owns the Deferred, and handles the failure that it returns.
package deferredtest
