// Package deferredtest helps to test code that returns Deferreds. It takes the
// result out of a Deferred, and makes a test fail that leaves an error unhandled.
//
//	func TestLookup(t *testing.T) {
//		deferredtest.Watch(t) // an unhandled error fails the test
//		d := lookup("example.com")
//		deferredtest.AssertNoResult(t, d)
//		answer()
//		if got := deferredtest.SuccessResultOf(t, d); got != "192.0.2.1" {
//			t.Errorf("lookup gave %q", got)
//		}
//	}
//
// [SuccessResultOf], [FailureResultOf] and [Observe] add a callback to the
// Deferred, so they must be called on the goroutine that owns it. The first two
// may call t.Fatalf, so that goroutine must be the test's own.
package deferredtest
